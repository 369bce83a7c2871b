"""The catalogue of a process that runs."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tasks.models import accepted
from tasks.models.catalogue import CatalogueError
from tasks.models.changes import Changes
from tasks.models.current import CurrentCatalogue

A = "models: {a: {path: fake}}"
AB = "models: {a: {path: fake, slots: 2}, b: {path: fake, chat_template: '{{ messages }}', sha256: []}}"
FAULTY = "models:\n  a: {path: fake}\n  b: {path: fake, slotz: 2}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "models.yaml"
    path.write_text(A)
    return path


@pytest.fixture
def copy(tmp_path: Path, file: Path) -> Path:
    path = tmp_path / "accepted.json"
    accepted.write(path, accepted.accept(file))
    return path


def test_what_was_accepted_is_read_as_it_was(file: Path, copy: Path) -> None:
    file.write_text(AB)
    before = accepted.read(copy).followed_by(accepted.accept(file).models)
    accepted.write(copy, before)
    after = accepted.read(copy)
    assert dict(after.models) == dict(before.models)
    assert not before.changes_to(after)


def test_one_process_reads_the_file_and_the_others_see_that_it_has(file: Path, copy: Path) -> None:
    seen: list[Changes] = []
    one, other = CurrentCatalogue(file, copy=copy), CurrentCatalogue(file, copy=copy, on_change=seen.append)
    file.write_text(AB)
    other.look_at_copy()
    other.look("1")
    assert (list(other.now), seen) == (["a"], [])
    found = one.reload(announce=lambda: pytest.fail("they share a file"))
    assert (found.added, found.changed, list(one.now)) == (("b",), ("a",), ["a", "b"])
    other.look_at_copy()
    assert (list(other.now), len(seen)) == (["a", "b"], 1)
    assert not one.reload()


def test_a_file_that_makes_no_sense_changes_nothing_and_says_where(file: Path, copy: Path) -> None:
    for models in (CurrentCatalogue(file), CurrentCatalogue(file, copy=copy)):
        file.write_text(FAULTY)
        with pytest.raises(CatalogueError, match=r"models\.yaml, line 3: models\.b\.slotz is not a key"):
            models.reload(announce=lambda: pytest.fail("nothing is to be told"))
        models.look("1")
        models.look_at_copy()
        assert list(models.now) == ["a"]
        file.write_text(A)


def test_a_process_that_starts_meanwhile_reads_what_was_accepted(file: Path, copy: Path) -> None:
    file.write_text(FAULTY)
    assert list(CurrentCatalogue(file, copy=copy).now) == ["a"]
    file.unlink()
    assert list(CurrentCatalogue(file, copy=copy).now) == ["a"]


def test_a_file_that_is_not_there_is_refused_where_workers_would_need_it(file: Path, copy: Path) -> None:
    models = CurrentCatalogue(file, copy=copy)
    file.write_text("models: {a: {path: gone.gguf}}")
    with pytest.raises(CatalogueError, match=r"These models have no file: a \(there is no .*gone\.gguf\)"):
        models.reload()
    assert models.now["a"].path == "fake"


def test_without_a_models_file_there_is_nothing_to_read_again() -> None:
    models = CurrentCatalogue(None)
    with pytest.raises(CatalogueError, match="no models file to read again"):
        models.reload()
    models.look("1")
    assert list(models.now) == ["demo"]


def test_where_no_file_is_shared_a_counter_tells(file: Path) -> None:
    models, told = CurrentCatalogue(file), list[bool]()
    models.look("")
    file.write_text(AB)
    models.look("")
    assert list(models.now) == ["a"]
    models.look("1")
    assert list(models.now) == ["a", "b"]
    file.write_text(A)
    assert models.reload(announce=lambda: told.append(True)).removed == ("b",)
    assert (told, list(models.leaving), models.served) == ([True], [], ["a"])


def test_an_announcement_that_fails_changes_nothing(file: Path) -> None:
    models = CurrentCatalogue(file)
    file.write_text(AB)

    def away() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        models.reload(announce=away)
    assert list(models.now) == ["a"]


def test_another_file_of_a_model_is_noticed(file: Path, copy: Path, tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"one")
    file.write_text("models: {a: {path: m.gguf}}")
    models = CurrentCatalogue(file, copy=copy)
    assert models.reload().replaced == {"a"}, "its path"
    assert not models.reload()
    (tmp_path / "new.gguf").write_bytes(b"two")
    (tmp_path / "new.gguf").replace(tmp_path / "m.gguf")
    found = models.reload()
    assert (found.changed, found.replaced) == (("a",), frozenset("a"))


def test_many_processes_that_read_it_at_once_end_with_the_same(file: Path, copy: Path) -> None:
    all_of_them = [CurrentCatalogue(file, copy=copy) for _ in range(8)]
    file.write_text(AB)
    threads = [threading.Thread(target=each.reload) for each in all_of_them]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(list(each.now) == ["a", "b"] for each in all_of_them)
    assert not list(copy.parent.glob("*.part"))


def test_a_model_that_was_removed_can_still_be_loaded_for_its_jobs(file: Path, copy: Path) -> None:
    file.write_text(AB)
    models = CurrentCatalogue(file, copy=copy)
    models.reload()
    file.write_text(A)
    assert models.reload().removed == ("b",)
    worker = CurrentCatalogue(file, copy=copy)
    assert worker.entry("b").chat_template == "{{ messages }}"
    assert (list(worker.now), worker.served, worker.keep_alive("b")) == (["a"], ["a", "b"], 0.0)
    assert list(worker.serving("b")) == ["b"]


def test_a_model_that_came_and_went_between_two_looks_is_told_as_one_that_leaves(file: Path, copy: Path) -> None:
    """Its jobs were accepted, so it needs a worker."""
    seen: list[Changes] = []
    front, up = CurrentCatalogue(file, copy=copy), CurrentCatalogue(file, copy=copy, on_change=seen.append)
    for text in (AB.replace("slots: 2", "priority: 0"), A):
        file.write_text(text)
        front.reload()
    up.look_at_copy()
    assert (len(seen), bool(seen[0])) == (1, False)
    assert (list(up.now), list(up.leaving)) == (["a"], ["b"])
