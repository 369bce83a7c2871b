"""OpenAI's batches: run line by line by the clerk."""
