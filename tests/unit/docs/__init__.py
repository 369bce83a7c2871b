"""Pages that are held against the code."""
