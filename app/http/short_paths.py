"""Paths without ``/v1``, as llama-server has them too: clients differ in what they add to an address."""

from __future__ import annotations

from flask import Flask

PREFIX = "/v1"


def install(app: Flask) -> None:
    """Have every path under ``/v1`` without it as well, unless there is another call of that path."""
    app.url_map.redirect_defaults = False  # an alias would redirect to the longer path
    rules = list(app.url_map.iter_rules())
    taken = {rule.rule for rule in rules}
    for rule in rules:
        short = rule.rule.removeprefix(PREFIX)
        if rule.rule.startswith(f"{PREFIX}/") and short not in taken:
            methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            app.add_url_rule(short, rule.endpoint, app.view_functions[rule.endpoint], methods=methods, alias=True)
