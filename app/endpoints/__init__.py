"""The API: a folder for each group of endpoints, and the table of all."""
