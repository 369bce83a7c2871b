"""What bodies of several endpoints have in common, and how a body is validated."""
