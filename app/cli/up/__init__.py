"""``caravan up``: the whole cluster on one machine."""
