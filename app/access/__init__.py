"""Who calls, what their key is for, and how much they may ask for."""
