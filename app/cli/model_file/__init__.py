"""``caravan models show``, of a model's file: what it says, before it is loaded or downloaded."""
