"""Processes really killed, connections really cut."""
