"""Anthropic's Messages: each is a chat, told in Anthropic's words."""
