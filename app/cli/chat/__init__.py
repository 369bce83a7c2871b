"""``caravan chat``: a conversation in the terminal."""
