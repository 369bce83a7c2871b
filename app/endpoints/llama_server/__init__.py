"""llama-server's own calls: `/completion`, `/props`, `/slots` and their like."""
