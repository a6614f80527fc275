"""Files of checkpoints of the Hugging Face kind, from the Hub or a folder: where the weights are, and their hash.

Weights are read from safetensors only. Whatever goes wrong with ``transformers`` is told in one sentence.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from counterpoise.errors import MissingExtraError, SettingsError

_WEIGHTS = "model.safetensors"
_SHARDS = "model.safetensors.index.json"


def weight_files(name: str, revision: str | None = None, what: str = "encoder") -> list[Path]:
    """Files with the weights of a checkpoint.

    Parameters
    ----------
    name : str
        Of the Hugging Face Hub, or a folder.
    revision : str or None, default=None
        Commit, branch or tag of the Hub.
    what : str, default="encoder"
        What messages call it.

    Raises
    ------
    SettingsError
        When there are none in safetensors.
    """
    asked: dict[str, Any] = {} if revision is None else {"revision": revision}
    whole = _file(name, _WEIGHTS, asked)
    if whole is not None:
        return [whole]
    index = json_of(name, _SHARDS, asked)
    shards = sorted(set((index or {}).get("weight_map", {}).values()))
    found = [path for shard in shards if (path := _file(name, shard, asked)) is not None]
    if not found:
        raise SettingsError(
            f"{what} {name} has no weights in safetensors ({_WEIGHTS}), and those of other formats are not "
            "read, since they may hold code; choose another one, or save it again with transformers"
        )
    return found


def digest_of(files: Sequence[Path]) -> str:
    """Hash of some files, 20 hexadecimal digits; none is read twice a process unless it has changed."""
    return _digest(*((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files))


@cache
def _digest(*files: tuple[str, int, int]) -> str:
    """Hash of files, each with its size and time."""
    digest = hashlib.sha256()
    for path, _, _ in files:
        with open(path, "rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()[:20]


def transformers_package(what: str = "pretrained encoders", extra: str = "encoders") -> Any:
    """The package ``transformers``; raises MissingExtraError, in the name of what needs it, where there is none."""
    try:
        import transformers
    except ImportError as error:
        raise MissingExtraError(
            f'{what} need transformers; install it with pip install "counterpoise[{extra}]"'
        ) from error
    return transformers


def had(
    name: str, load: Callable[[], Any], what: str = "encoder", option: str = " (--encoder FOLDER)"
) -> Any:
    """What a loader gives, or why it cannot be had.

    Parameters
    ----------
    name : str
        Of the Hugging Face Hub, or a folder.
    load : callable
    what, option : str
        What messages call it, and where a folder is given.

    Raises
    ------
    SettingsError
        In one sentence.
    """
    if _looks_like_a_folder(name) and not Path(name).is_dir():
        raise SettingsError(f"there is no {what} folder {name}; give a folder that save_pretrained wrote")
    try:
        return load()
    except Exception as error:  # transformers raises dozens of kinds, all of which mean the same to a user
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        where = "read" if Path(name).is_dir() else "had from the Hugging Face Hub"
        raise SettingsError(
            f"{what} {name} could not be {where} ({reason}); give a local folder that holds one{option}"
        ) from error


def _looks_like_a_folder(name: str) -> bool:
    return name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name


def _file(name: str, inside: str, asked: dict[str, Any]) -> Path | None:
    """A file of a checkpoint; None where there is none of that name."""
    if Path(name).is_dir():
        path = Path(name) / inside
        return path if path.is_file() else None
    from transformers.utils import cached_file

    try:
        found = cached_file(
            name, inside, revision=asked.get("revision"), _raise_exceptions_for_missing_entries=False
        )
    except OSError:
        return None
    return None if found is None else Path(found)


def json_of(name: str, inside: str, asked: dict[str, Any], what: str = "encoder") -> Any:
    """What a JSON file of a checkpoint holds; None where there is none of that name."""
    path = _file(name, inside, asked)
    if path is None:
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SettingsError(f"{inside} of {what} {name} is no JSON; fetch the {what} again") from error


class silent:
    """Keep transformers from drawing bars and reports of unused heads on the user's screen."""

    def __init__(self, transformers: Any) -> None:
        self.logging = transformers.utils.logging

    def __enter__(self) -> None:
        self.level, self.bars = self.logging.get_verbosity(), self.logging.is_progress_bar_enabled()
        self.logging.set_verbosity_error()
        self.logging.disable_progress_bar()

    def __exit__(self, *_: object) -> None:
        self.logging.set_verbosity(self.level)
        if self.bars:
            self.logging.enable_progress_bar()
