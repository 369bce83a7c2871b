"""The console: pages of a cluster for whoever opens it in a browser. They call the API, as any client does.

A page is a folder with a `page.html` and a `page.js`, and a line in `pages.py`.
"""
