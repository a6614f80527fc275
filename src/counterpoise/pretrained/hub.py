"""Where the files of a checkpoint lie: a folder, or one commit in the cache of the Hugging Face Hub on this machine.

    found = located("sentence-transformers/all-MiniLM-L6-v2", None, ["tokenizer.json", "modules.json"])
    found.commit                        # 40 hexadecimal digits
    found.file("modules.json")          # its path, or None where there is no such file

The cache is asked first, and the Hub only when the cache does not know all files that were asked for, which is to have
them or to know that there are none. So a branch such as ``main`` stays the commit that it was when it was fetched, and
may be behind the Hub's; ``hf download NAME`` fetches the newest. All files of a checkpoint are of one commit.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
TOKENIZER_FILES = (TOKENIZER, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
"""What decides a fast tokenizer; where the first is missing, it is made from vocabularies of many names."""

_VOCABULARIES = (".txt", ".model", ".json", ".codes", ".bpe", ".tiktoken")
_PATIENCE = 5.0  # seconds for the Hub to answer at all
_IN_VAIN: set[Path] = set()  # folders of which this process has asked the Hub for more, and got none


@dataclass(frozen=True)
class Snapshot:
    """The files of a checkpoint.

    Attributes
    ----------
    name : str
        As given: of the Hub, or a folder.
    folder : Path
        Where they are, absolute.
    commit : str or None
        Of the Hub; None for a folder.
    """

    name: str
    folder: Path
    commit: str | None

    @property
    def asked(self) -> dict[str, Any]:
        """Arguments with which transformers finds these very files, and asks no network, by name or in the folder.

        A tokenizer is loaded by name, since some are by their names another; a model from the folder, since for a name
        the Hub is asked for adapters all the same.
        """
        pinned = {} if self.commit is None else {"revision": self.commit}
        return {"trust_remote_code": False, "local_files_only": True, **pinned}

    def file(self, inside: str) -> Path | None:
        """Path of a file; None where there is none of that name."""
        path = self.folder / inside
        return path if path.is_file() else None

    def knows(self, inside: str) -> bool:
        """Whether a file is there, or is known not to be."""
        if self.commit is None or self.file(inside) is not None:
            return True
        from huggingface_hub import try_to_load_from_cache

        return try_to_load_from_cache(self.name, inside, revision=self.commit) is not None

    def fetch(self, *files: str) -> None:
        """Fetch files of this commit that are not known yet.

        Raises
        ------
        Exception
            Of one of many kinds, when the Hub does not give them.
        """
        missing = [file for file in files if not self.knows(file)]
        if missing:
            with _quiet():
                _listed(self.name, self.commit)
                for file in missing:
                    _download(self.name, file, self.commit)


def located(name: str, revision: str | None, files: Sequence[str]) -> Snapshot:
    """Find a checkpoint, and some of its files besides ``config.json``.

    Parameters
    ----------
    name : str
        Of the Hub, or a folder.
    revision : str or None
        Commit, branch or tag of the Hub; None is its main branch.
    files : sequence of str
        All that decides something, there or not: only where the cache knows each of them is the Hub not asked. When it
        does not answer, what the cache has will do, and the process asks no more.

    Raises
    ------
    Exception
        Of one of many kinds, when neither cache nor Hub has a configuration.
    """
    if Path(name).is_dir():
        return Snapshot(
            name, Path(name).absolute(), None
        )  # some of its files are read later, perhaps from elsewhere
    cached = _cached(name, revision)
    if cached is not None and (cached.folder in _IN_VAIN or all(cached.knows(file) for file in files)):
        return cached
    try:
        return _fetched(name, revision, files)
    except Exception:  # whatever keeps the Hub from giving more
        if cached is None:
            raise
        _IN_VAIN.add(cached.folder)
        return cached


def _cached(name: str, revision: str | None) -> Snapshot | None:
    """What the cache has of a revision; None without a configuration."""
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(name, CONFIG, revision=revision)
    if not isinstance(path, str):
        return None
    folder = Path(path).parent
    return Snapshot(name, folder, folder.name)


def _fetched(name: str, revision: str | None, files: Sequence[str]) -> Snapshot:
    """Files of the commit that a revision is on the Hub."""
    with _quiet():
        commit, there = _listed(name, revision)
        path = _download(name, CONFIG, commit)
        if path is None:
            raise FileNotFoundError(f"it has no {CONFIG}")
        more = [] if TOKENIZER not in files or TOKENIZER in there else _vocabularies(there)
        for file in (*files, *more):
            _download(name, file, commit)
        _download(name, CONFIG, revision)  # so that the cache knows which commit that is
    return Snapshot(name, path.parent, commit)


def _listed(name: str, revision: str | None) -> tuple[str, set[str]]:
    """Commit of a revision and names of its files: one question, which fails at once where there is no network.

    Downloads would ask again and again, for half a minute a file.
    """
    from huggingface_hub import HfApi

    found = HfApi().model_info(name, revision=revision, timeout=_PATIENCE)
    return str(found.sha), {sibling.rfilename for sibling in found.siblings or ()}


def _download(name: str, file: str, revision: str | None) -> Path | None:
    """Fetch a file into the cache; where there is none, the cache notes that, and this is None."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(name, file, revision=revision))
    except LocalEntryNotFoundError:  # the network has gone, which says nothing about the file
        raise
    except EntryNotFoundError:
        return None


def _vocabularies(files: Iterable[str]) -> list[str]:
    """Files from which a tokenizer of any kind could be made."""
    return sorted(file for file in files if "/" not in file and file.endswith(_VOCABULARIES))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep huggingface_hub from telling the user's screen about each of its tries."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
