"""Measurements: they print figures and assert nothing, since machines differ and are noisy."""
