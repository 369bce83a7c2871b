"""The pages that there are (pure). A new one is named here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page, whose `page.html` and `page.js` are in the folder of its name.

    Args:
        path: a rule of Flask's.
        in_menu: whether every page leads there.
        under: the page of the menu that it belongs to, if it is in none itself.
        for_admins: whether its calls need a key with the scope `admin`, so that others are not led there.
        needs_login: whether it is shown to those alone who have logged in, where keys are on.
    """

    name: str
    path: str
    title: str
    in_menu: bool = True
    under: str = ""
    for_admins: bool = False
    needs_login: bool = True

    @property
    def menu(self) -> str:
        """The name of the page that the menu shows as the present one."""
        return self.under or self.name


PAGES = (
    Page(name="overview", path="/", title="Overview"),
    Page(name="playground", path="/console/playground", title="Playground"),
    Page(name="bulk", path="/console/bulk", title="Bulk"),
    Page(name="bulk_run", path="/console/bulk/<batch_id>", title="Bulk run", in_menu=False, under="bulk"),
    Page(name="jobs", path="/console/jobs", title="Jobs"),
    Page(name="job", path="/console/jobs/<job_id>", title="Job", in_menu=False, under="jobs"),
    Page(name="models", path="/console/models", title="Models"),
    Page(name="keys", path="/console/keys", title="Keys", for_admins=True),
    Page(name="login", path="/console/login", title="Sign in", in_menu=False, needs_login=False),
)
"""In the order of the menu."""

BY_NAME = {page.name: page for page in PAGES}


def way_up(path: str) -> str:
    """What leads from a page's address to the server's first one: a proxy may have put a prefix before all paths."""
    return "../" * (path.count("/") - 1) or "./"
