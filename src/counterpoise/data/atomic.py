"""Results on their way out: whole or not at all.

``with atomic_path(p) as temporary`` and ``with atomic_folder(p) as temporary`` write under a temporary name
in the same folder and rename at the end, so that a crash, Ctrl-C or a full disk leaves nothing behind and an
older result untouched. Tables go through :class:`counterpoise.data.writers.TableWriter`.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from counterpoise.errors import OutputError

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file-size limit was reached",
    errno.EACCES: "permission is denied",
    errno.EPERM: "permission is denied",
    errno.EROFS: "the file system is read-only",
    errno.ENOTDIR: "a part of its path is a file, not a folder",
    errno.ENAMETOOLONG: "the name is too long",
    errno.EPIPE: "the reading side was closed",
}


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file completely or leave everything as it was.

    Parameters
    ----------
    path : path
        The file to be. A symbolic link is followed. A device or pipe is written in place, since it has
        nothing to protect.

    Yields
    ------
    Path
        Write here. When the block ends well the file is flushed to the disk and renamed to ``path``; when it
        ends in any exception, Ctrl-C included, it is removed.

    Raises
    ------
    OutputError
        When the file cannot be written; errors that are not about this file pass unchanged.
    """
    final = Path(os.path.realpath(path))
    _check_target(final, path)
    if final.exists() and not final.is_file():
        with in_words(path, final):
            yield final
        return
    temporary = _beside(final)
    try:
        with in_words(path, temporary):
            yield temporary
            _flush(temporary)
            os.replace(temporary, final)
            _flush(final.parent)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Write a folder completely or leave everything as it was.

    Parameters
    ----------
    path : path
        The folder to be. An empty one may exist.
    overwrite : bool, default=False
        Whether a folder that is there is replaced, with all that is in it. To be asked for only when it is known
        to hold an older result, so that a slip in the name cannot delete somebody's documents.

    Yields
    ------
    Path
        A new, empty folder to write into.

    Raises
    ------
    OutputError
        When the folder exists and may not be replaced (before any work), or cannot be written.
    """
    final = Path(os.path.realpath(path))
    _check_target(final, path, folder=True)
    occupied = final.is_dir() and any(final.iterdir())
    if occupied and not overwrite:
        raise OutputError(f"{path} exists and is not empty; name another folder, or empty it first")
    temporary, older = _beside(final), _beside(final)
    try:
        with in_words(path, temporary):
            temporary.mkdir()
            yield temporary
            for file in temporary.rglob("*"):
                _flush(file)
            _flush(temporary)
            _exchange(temporary, final, older)
            _flush(final.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(older, ignore_errors=True)


@contextmanager
def in_words(path: str | os.PathLike[str], written: Path | None = None) -> Iterator[None]:
    """Turn an ``OSError`` of writing into an :class:`OutputError` of one sentence about ``path``.

    Parameters
    ----------
    path : path
        What the user named.
    written : Path or None
        Where it is written meanwhile; an error that names a file elsewhere is not about this one and passes.
    """
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        number, name = _errno(error), error.filename
        if name is not None and written is not None and not str(name).startswith((str(written), str(path))):
            raise
        reason = _REASONS.get(number) or os.strerror(number) if number else str(error).splitlines()[0]
        rest = "" if written is None else "; nothing was left behind"
        raise OutputError(f"{path} cannot be written: {reason}{rest}") from error


def _errno(error: OSError) -> int:
    """Arrow writes the number into the message and not always into ``errno``."""
    if error.errno:
        return error.errno
    _, found, rest = str(error).partition("[Errno ")
    number = rest.partition("]")[0]
    return int(number) if found and number.isdigit() else 0


def _check_target(final: Path, path: str | os.PathLike[str], folder: bool = False) -> None:
    """Refuse before any work what could only fail after it."""
    if final.is_dir() and not folder:
        raise OutputError(f"{path} is a folder; name a file to write")
    if final.exists() and not final.is_dir() and folder:
        raise OutputError(f"{path} is a file; name a folder to write")
    if folder and _holds_current_folder(final):
        raise OutputError(
            f"{path} is the current folder or holds it, which would be gone when it is replaced; name another folder"
        )
    if not final.parent.is_dir():
        raise OutputError(f"{path} cannot be written: there is no folder {final.parent}; make it first")
    needs_new_file = not final.exists() or stat.S_ISREG(final.stat().st_mode) or folder
    if not os.access(final.parent if needs_new_file else final, os.W_OK):
        raise OutputError(f"{path} cannot be written: permission is denied; choose another folder")


def _holds_current_folder(folder: Path) -> bool:
    try:
        return Path.cwd().is_relative_to(folder)
    except FileNotFoundError:  # somebody has removed it
        return False


def _beside(final: Path) -> Path:
    return final.with_name(f".{final.name[:100]}.{uuid.uuid4().hex[:12]}.part")


def _exchange(temporary: Path, final: Path, older: Path) -> None:
    if not final.exists():
        os.rename(temporary, final)
        return
    os.rename(final, older)
    try:
        os.rename(temporary, final)
    except BaseException:
        os.rename(older, final)
        raise


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems cannot flush a folder; the file in it was flushed.
        if error.errno not in (errno.EINVAL, errno.EACCES, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
