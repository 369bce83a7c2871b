"""What runs and watches a cluster: nothing here is imported by it."""
