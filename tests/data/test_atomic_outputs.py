"""Files and folders appear whole or not at all, and an older one survives a failure."""

import errno
import os
import resource
import subprocess
import sys
import threading

import pytest

from counterpoise.data.writers import atomic_folder, atomic_path
from counterpoise.errors import OutputError


def test_file_appears_at_the_end_only(tmp_path):
    path = tmp_path / "a.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert temporary.parent == path.parent
        assert not path.exists()
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_failure_leaves_the_older_file(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail_midway():
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        fail_midway()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_symbolic_link_is_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link.txt").symlink_to(tmp_path / "real" / "a.txt")
    with atomic_path(tmp_path / "link.txt") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real" / "a.txt").read_text() == "new"


def test_a_pipe_is_written_in_place(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text()))
    reader.start()
    with atomic_path(pipe) as temporary:
        temporary.write_text("through")
    reader.join()
    assert got == ["through"]
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EFBIG, "file-size limit"),
        (errno.EACCES, "permission"),
        (errno.EIO, ""),
    ],
)
def test_errors_in_words(tmp_path, number, words):
    message = rf"a\.txt cannot be written: .*{words}.*; nothing was left behind"
    with pytest.raises(OutputError, match=message), atomic_path(tmp_path / "a.txt"):
        raise OSError(number, os.strerror(number))
    assert os.listdir(tmp_path) == []


def test_errors_about_other_files_pass(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.txt"):
        (tmp_path / "other").read_text()


def test_impossible_targets_are_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    cases = [
        (tmp_path, "is a folder; name a file"),
        (tmp_path / "none" / "a.txt", "there is no folder"),
        (tmp_path / "file" / "a.txt", "there is no folder"),
    ]
    for path, words in cases:
        with pytest.raises(OutputError, match=words), atomic_path(path):
            pytest.fail("the block must not run")
    with pytest.raises(OutputError, match="is a file; name a folder"), atomic_folder(tmp_path / "file"):
        pytest.fail("the block must not run")


@pytest.mark.parametrize("path", [".", "..", "empty"])
def test_the_current_folder_is_not_replaced(tmp_path, monkeypatch, path):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    target = tmp_path / "empty" if path == "empty" else path
    refused = pytest.raises(OutputError, match="is the current folder or holds it")
    with refused, atomic_folder(target, overwrite=True):
        pytest.fail("the block must not run")
    assert os.listdir(tmp_path) == ["empty"]


def write_model(folder, word):
    (folder / "config.json").write_text(word)
    (folder / "deep").mkdir()
    (folder / "deep" / "weights").write_text(word)


def test_folder_new_empty_and_replaced(tmp_path):
    path = tmp_path / "model"
    path.mkdir()
    with atomic_folder(path) as temporary:
        write_model(temporary, "one")
    assert (path / "deep" / "weights").read_text() == "one"
    with pytest.raises(OutputError, match=r"exists and is not empty.*name another"), atomic_folder(path):
        pytest.fail("the block must not run")
    with atomic_folder(path, overwrite=True) as temporary:
        write_model(temporary, "two")
    assert (path / "deep" / "weights").read_text() == "two"
    assert os.listdir(tmp_path) == ["model"]


def test_failure_leaves_the_older_folder(tmp_path):
    path = tmp_path / "model"
    with atomic_folder(path) as temporary:
        write_model(temporary, "one")

    def interrupted():
        with atomic_folder(path, overwrite=True) as temporary:
            write_model(temporary, "two")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (path / "config.json").read_text() == "one"
    assert os.listdir(tmp_path) == ["model"]


def test_failed_exchange_puts_the_older_folder_back(tmp_path, monkeypatch):
    path = tmp_path / "model"
    with atomic_folder(path) as temporary:
        write_model(temporary, "one")
    rename = os.rename

    def refuses_the_new_one(source, target):
        if str(target) == str(path) and (source / "config.json").read_text() == "two":
            raise OSError(errno.EACCES, "no")
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuses_the_new_one)
    with pytest.raises(OutputError, match="permission"), atomic_folder(path, overwrite=True) as temporary:
        write_model(temporary, "two")
    assert (path / "config.json").read_text() == "one"
    assert os.listdir(tmp_path) == ["model"]


CODE = """
import pyarrow as pa
from counterpoise.data.writers import TableWriter
from counterpoise.errors import OutputError
import random
try:
    with TableWriter({name!r}) as out:
        for i in range(200):
            out.write(pa.table({{"text": [str(random.random()) for _ in range(2000)]}}))
except OutputError as error:
    print(error)
"""


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet", "a.csv.gz", "a.jsonl.zst"])
def test_file_size_limit(tmp_path, name):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    done = subprocess.run(
        [sys.executable, "-c", CODE.format(name=name)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        preexec_fn=limit,
    )
    assert (
        done.stdout == f"{name} cannot be written: the file-size limit was reached; nothing was left behind\n"
    )
    assert done.stderr == ""
    assert done.returncode == 0
    assert os.listdir(tmp_path) == []
