"""What can be wrong with the file of a store, its lock and its disk: one sentence each, and nothing is lost."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from stored_rows import PLACE, check_row, check_whole, counts, make_result, two_rows

from counterpoise.errors import DataError, OutputError
from counterpoise.experiments.store import Store


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "grid 100%?.runs"  # characters that mean something in a URI


@pytest.fixture
def full(path) -> Path:
    return two_rows(path)


def test_rows_that_name_the_library_of_neighbours_are_read_and_stay_under_their_keys(full) -> None:
    with closing(sqlite3.connect(full)) as connection, connection:
        connection.execute(
            """UPDATE runs SET surroundings = json_set(surroundings, '$.neighbors', 'faiss')"""
        )
        connection.execute("PRAGMA user_version = 1")
    for read_only, version in ((True, 1), (False, 2)):
        with Store(full, read_only=read_only) as store:
            assert [record.surroundings for record in store.rows()] == [PLACE] * 2
        with closing(sqlite3.connect(full)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (version,)
    with Store(full) as store:
        assert store.done([make_result(0).key]), "the key it was written under"
        assert store.write(make_result(2))
    check_whole(full, 3)


class TestBadFiles:
    def refused(self, path: Path, kind: type[Exception], message: str, read_only: bool = False) -> None:
        with pytest.raises(kind, match=message) as caught:
            Store(path, read_only=read_only, wait=0.1)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("read_only", [False, True])
    @pytest.mark.parametrize("content", [b"text,label\nhello,ham\n", b"x", b"SQLite format 2\0" * 99])
    def test_of_another_program(self, content, read_only, path) -> None:
        path.write_bytes(content)
        self.refused(path, DataError, "another program, and was left as it is", read_only)
        assert path.read_bytes() == content

    @pytest.mark.parametrize("read_only", [False, True])
    @pytest.mark.parametrize("mark", [0, 7])
    def test_database_of_another_program(self, mark, read_only, path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE runs (key TEXT)")
            connection.execute(f"PRAGMA application_id = {mark}")
        before = path.read_bytes()
        self.refused(path, DataError, "database of another program, and was left as it is", read_only)
        assert path.read_bytes() == before
        assert [entry.name for entry in path.parent.iterdir()] == [path.name]

    def test_newer_version(self, full) -> None:
        with closing(sqlite3.connect(full)) as connection:
            connection.execute("PRAGMA user_version = 3")
        before = full.read_bytes()
        self.refused(
            full, DataError, "has format 3, and this version of Counterpoise reads 2; install a newer"
        )
        assert full.read_bytes() == before

    def test_truncated(self, full) -> None:
        full.write_bytes(full.read_bytes()[:40])
        self.refused(full, DataError, "is damaged or no store")

    def test_damaged_in_the_middle(self, full) -> None:
        content = bytearray(full.read_bytes())
        content[4096:] = b"\xff" * (len(content) - 4096)
        full.write_bytes(content)
        with Store(full) as store, pytest.raises(DataError, match="is damaged or no store"):
            store.rows()

    def test_folder(self, tmp_path) -> None:
        self.refused(tmp_path, DataError, "is a folder; name the file")

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
    def test_pipe(self, path) -> None:
        os.mkfifo(path)
        self.refused(path, DataError, "no regular file")

    def test_missing(self, path) -> None:
        self.refused(path, DataError, "there is no store .*; check the path", read_only=True)
        assert not path.exists()
        self.refused(path / "deeper", OutputError, "cannot be made: there is no folder")
        self.refused(path.with_name("x" * 999), DataError, r"cannot be read \(File name too long\)")

    def test_empty(self, path) -> None:
        path.touch()
        self.refused(path, DataError, "is empty; no run has been written to it", read_only=True)
        assert path.read_bytes() == b""
        with Store(path) as store:
            assert store.write(make_result(0))
        check_whole(path, 1)

    def test_link(self, full) -> None:
        full.with_name("link").symlink_to(full)
        with Store(full.with_name("link")) as store:
            assert store.write(make_result(2))
        check_whole(full, 3)

    def test_opened_for_reading(self, full) -> None:
        with Store(full, read_only=True) as store, pytest.raises(OutputError, match="opened for reading"):
            store.write(make_result(2))
        check_whole(full)

    @pytest.mark.skipif(not hasattr(os, "setresuid"), reason="permissions are another matter here")
    def test_without_permission(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "grid.runs"
            with Store(path) as store:
                store.write(make_result(0))
            for file_mode, folder_mode in ((0o444, 0o777), (0o444, 0o555), (0o666, 0o555)):
                path.chmod(file_mode)
                path.parent.chmod(folder_mode)
                with _without_privileges():
                    self.refused(path, OutputError, "cannot be written: it or its folder is read-only")
                    check_whole(path, 1)
                    if folder_mode == 0o555:
                        self.refused(
                            path.with_name("new"), OutputError, "cannot be opened: it or its folder is"
                        )
                assert list(path.parent.iterdir()) == [path]
            path.chmod(0)
            with _without_privileges():
                self.refused(path, DataError, "cannot be read .*Permission denied", read_only=True)
            path.chmod(0o600)
            path.parent.chmod(0o755)
            check_whole(path, 1)


@contextmanager
def _without_privileges():
    """As the user nobody, if as root, whom no permission stops."""
    root = os.getuid() == 0
    if root:
        os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        if root:
            os.setresuid(0, 0, 0)


class TestTroubles:
    def test_locked(self, full) -> None:
        with Store(full, wait=0.1) as store, closing(sqlite3.connect(full, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(OutputError, match="cannot be written: another process has kept it locked"):
                store.write(make_result(2))
            assert len(store.rows()) == 2  # a reader needs no lock
            other.execute("ROLLBACK")
            assert store.write(make_result(2))
        check_whole(full, 3)

    def test_locked_while_made(self, path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(OutputError, match="another process has kept it locked"):
                Store(path, wait=0.1)
            other.execute("ROLLBACK")
        Store(path).close()

    def test_full_disk(self, full) -> None:
        made = make_result(2, 20_000)
        with Store(full) as store:
            store.fail(made.run, PLACE, "first")
            (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
            store._connection.execute(f"PRAGMA max_page_count = {pages + 9}")
            with pytest.raises(OutputError, match="cannot be written: the disk is full; make room and go on"):
                store.write(made)
            assert store.failed() == {made.key: "first"}
            check_row(store, 1)
            store._connection.execute("PRAGMA max_page_count = 99999")
            assert store.write(made)
            check_row(store, 2, 20_000)
        assert counts(full) == [3, 3, 3]

    @pytest.mark.parametrize("replaced", [False, True])
    def test_deleted_while_open(self, replaced, full) -> None:
        with Store(full) as store:
            full.rename(full.with_name("moved"))
            if replaced:
                full.touch()
            with pytest.raises(OutputError, match="deleted or replaced while it was in use"):
                store.write(make_result(2))
            if replaced:
                full.unlink()
            full.with_name("moved").rename(full)
            assert store.write(make_result(2))
        check_whole(full, 3)
