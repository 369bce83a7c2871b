"""Documents in the order of their relevance to a query, in the forms of Jina, Cohere, llama-server and TEI."""
