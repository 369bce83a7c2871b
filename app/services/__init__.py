"""What requests are answered with: wired once a process, shared by all routes."""
