"""Tests of grammars in GBNF."""
