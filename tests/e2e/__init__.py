"""The cluster as `caravan up` starts it, and real clients."""
