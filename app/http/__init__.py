"""HTTP as every route has it: bodies, errors, pages, event streams, access log."""
