"""What a route asks of a key. One that says nothing asks for the scope `inference`, also one that nobody thought of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import Flask, request

from tasks.records.api_key import Scope

_ASKED = "caravan_scope"
_READS = "caravan_reads"

View = TypeVar("View", bound=Callable[..., object])


def for_admins(view: View) -> View:
    """Have a route, which is about more than the caller's own, asked with the scope `admin` only."""
    return _ask(view, Scope.ADMIN)


def for_scrapers(view: View) -> View:
    """Have a route, which tells figures alone, asked with the scope `metrics`."""
    return _ask(view, Scope.METRICS)


def without_key(view: View) -> View:
    """Have a route asked by anybody: probes have no keys. It tells nothing that is somebody's."""
    return _ask(view, None)


def submits(view: View) -> View:
    """Have a route count as one that writes though it is a GET: it runs a job."""
    setattr(view, _READS, False)
    return view


def counts_as_read(view: View) -> View:
    """Have a route count as one that reads though it is a POST.

    A caller at its limit may give back what it has, and fetch what it has asked for.
    """
    setattr(view, _READS, True)
    return view


def reads(app: Flask, endpoint: str | None) -> bool:
    """Whether the request being handled counts as one that only reads. Deletions do."""
    by_method = request.method in ("GET", "HEAD", "OPTIONS", "DELETE")
    return bool(getattr(app.view_functions.get(endpoint or ""), _READS, by_method))


def scope_of(app: Flask, endpoint: str | None) -> Scope | None:
    """The scope that an endpoint asks for; None if it asks for no key."""
    view = app.view_functions.get(endpoint or "")
    asked: Scope | None = getattr(view, _ASKED, Scope.INFERENCE)
    return asked


def controls(app: Flask) -> bool:
    """Whether the request being handled is about more than the caller's own jobs and files."""
    return scope_of(app, request.endpoint) not in (None, Scope.INFERENCE)


def _ask(view: View, scope: Scope | None) -> View:
    setattr(view, _ASKED, scope)
    return view
