"""Several tokens of a sequence in one step: some are drafted, and the model checks them together."""
