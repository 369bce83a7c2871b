"""The API, described: `calls` has a table for each file of routes, and the document is made of those."""
