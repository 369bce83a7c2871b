"""What is told of each route, by its endpoint: a file for each file of routes."""
