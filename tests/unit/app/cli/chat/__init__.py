"""`caravan chat`."""
