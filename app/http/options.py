"""``OPTIONS``: the methods of a path, where a path with a name in it would match too (RFC 9110, section 10.2.1)."""

from __future__ import annotations

from flask import Flask, Response, request


class Front(Flask):
    """Flask, but ``OPTIONS /jobs/delete`` does not tell what ``/jobs/<job_id>`` takes."""

    def make_default_options_response(self) -> Response:
        """A response whose ``Allow`` has the methods of the path's own route."""
        asked = request.url_rule
        assert asked is not None
        response = self.response_class()
        response.allow.update(
            method for rule in self.url_map.iter_rules() if rule.rule == asked.rule for method in rule.methods or ()
        )
        return response
