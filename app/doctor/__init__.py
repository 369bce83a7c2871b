"""What `caravan doctor` looks at: one module a subject. Each reads at its edge, and judges values in pure functions."""
