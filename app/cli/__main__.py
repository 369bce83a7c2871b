"""``python -m app.cli``: the `caravan` command where it is not on the PATH."""

from app.cli import main

main()
