"""``/markdown``: a text's Markdown as HTML that is safe to show."""
