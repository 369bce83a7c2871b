"""What the ledger holds, as values: jobs, events, keys. Pure."""
