"""Which models there are: the catalogue that the front, the workers, compose and the chart share."""
