"""From a request to a job, and following one until it ends."""
