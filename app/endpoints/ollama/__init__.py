"""Ollama's calls, under ``/api``."""
