"""What one who means harm may not do. README.md says what is promised, and how it is tried."""
