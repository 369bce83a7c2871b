"""OpenAI's chats, completions and embeddings, and llama-server's calls for tokens."""
