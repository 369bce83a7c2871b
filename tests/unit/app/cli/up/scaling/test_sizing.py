"""What models take, as far as nobody has been asked."""

from __future__ import annotations

from app.cli.up.scaling.sizing import Sizing
from tasks.models.catalogue import Catalogue, ModelEntry


def test_a_model_that_only_leaves_has_a_size_as_well() -> None:
    """It came and went between two looks, so that no change tells of it."""
    one, two = ModelEntry(path="fake"), ModelEntry(path="fake", context=512)
    sizing = Sizing(Catalogue({"one": one}), {})
    sizing.renew(Catalogue({"one": one, "two": two}), ())
    assert sizing.of("two").bytes >= 0
    sizing.close()
