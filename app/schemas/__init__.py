"""Request bodies. Field names and limits are OpenAI's, and llama.cpp's where OpenAI has none."""
