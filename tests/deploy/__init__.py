"""The chart, the Compose file and the images, as far as they can be tried without a cluster."""
