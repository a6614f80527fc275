"""The commit that the code is of, and the code of another commit.

commit_of(code)                                  # "45464ad..."; "" where the code is that of no commit
with code_of(commit) as folder:
    ...                                          # src and benchmarks as they were, in a folder that is gone afterwards
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import counterpoise

CODE = Path(counterpoise.__file__).parent
_ROOT = Path(__file__).parents[1]


def commit_of(code: Path = CODE) -> str:
    """The commit that is checked out; empty where the code differs from it, is under no version control, or git is not.

    Parameters
    ----------
    code : Path
        Folder of the package that is imported.
    """
    try:
        if not _git(code, "ls-files", "__init__.py") or _git(code, "status", "--porcelain", "--", "."):
            return ""
        return _git(code, "rev-parse", "HEAD").decode().strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


@contextmanager
def code_of(commit: str, repository: Path = _ROOT) -> Iterator[Path]:
    """A temporary folder with the folders ``src`` and ``benchmarks`` of a commit, results apart.

    The program ends with a sentence where the repository does not have the commit.
    """
    wanted = ("src", "benchmarks", ":(exclude)benchmarks/results")
    try:
        packed = _git(repository, "archive", "--format=tar", commit, "--", *wanted)
    except (OSError, subprocess.CalledProcessError):
        sys.exit(
            f"{repository} has no commit {commit}, or git is not here; fetch the branch that it was made on"
        )
    with tempfile.TemporaryDirectory(prefix="counterpoise-") as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as files:
            files.extractall(folder, filter="data")
        yield Path(folder)


def _git(folder: Path, *asked: str) -> bytes:
    return subprocess.run(["git", "-C", str(folder), *asked], check=True, capture_output=True).stdout
