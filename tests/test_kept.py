"""Values on the disk are found again, and what cannot be read or written is done without."""

from __future__ import annotations

import pytest

from counterpoise.kept import Kept


@pytest.fixture
def kept(monkeypatch, tmp_path) -> Kept:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return Kept("features", "0" * 20)


def test_what_was_kept_is_found(kept) -> None:
    assert kept.find([b"a"]) == {}
    kept.add({b"a": b"1", b"b": b"2"})
    assert kept.find([b"b", b"c"]) == {b"b": b"2"}


def test_a_cache_that_may_not_be_looked_into_is_done_without(kept, monkeypatch) -> None:
    def closed(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(type(kept.path), "exists", closed)
    assert kept.find([b"a"]) == {}
