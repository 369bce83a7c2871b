"""``caravan models plan``: what a model takes, and settings with which it fits."""
