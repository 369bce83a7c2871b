"""JSON schemas as their generators write them, brought into a form that llguidance follows."""
