"""Files that clients upload and batches write: their records in Redis, their bytes in a folder."""
