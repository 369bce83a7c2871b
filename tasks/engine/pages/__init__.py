"""Beginnings of texts that have left the cells: in the machine's memory, and in a folder, page by page."""
