"""A dataset in, a dataset out: what `caravan bulk run` does, on the user's side of the API."""
