"""``caravan status``: what a cluster does, and what there is to do about it."""
