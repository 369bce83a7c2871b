"""Batches over datasets: what is run next, what is asked twice, and answers in the order of their rows."""
