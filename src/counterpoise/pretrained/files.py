"""Files of checkpoints of the Hugging Face kind: where the weights are, and hashes of what decides what is computed.

Weights are read from safetensors only. Whatever goes wrong with ``transformers`` is told in one sentence.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from counterpoise.errors import MissingExtraError, SettingsError
from counterpoise.pretrained.hub import CONFIG, TOKENIZER, TOKENIZER_FILES, Snapshot, located

_WEIGHTS = "model.safetensors"
_SHARDS = "model.safetensors.index.json"
_OF_THE_WRITER = ("_name_or_path", "transformers_version")  # in a configuration, where they decide nothing


def snapshot_of(
    name: str | os.PathLike[str],
    revision: str | None,
    files: Sequence[str],
    what: str = "encoder",
    option: str = " (--encoder FOLDER)",
) -> Snapshot:
    """Find the files of a checkpoint, all of one commit; see :func:`counterpoise.pretrained.hub.located`.

    Parameters
    ----------
    name : str or path
        Of the Hugging Face Hub, or a folder.
    revision : str or None
        Commit, branch or tag of the Hub.
    files : sequence of str
        Besides ``config.json``.
    what, option : str
        What messages call it, and where a folder is given.

    Raises
    ------
    MissingExtraError
        When ``transformers`` is not installed.
    SettingsError
        When the name or the revision is none, or it cannot be had.
    """
    check_source(name, revision, what)
    asked = os.fspath(name)
    with silent(transformers_package(f"pretrained {what}s")):
        return had(asked, lambda: located(asked, revision, files), what, option)


def check_source(name: Any, revision: Any, what: str = "encoder") -> None:
    """Refuse what cannot be the name or the revision of a checkpoint; messages call it ``what``.

    Raises
    ------
    SettingsError
    """
    if not isinstance(name, str | os.PathLike) or not os.fspath(name):
        raise SettingsError(f"{what} is {name!r}; give the name of one on the Hugging Face Hub, or a folder")
    if revision is not None and (not isinstance(revision, str) or not revision):
        raise SettingsError(
            f"revision is {revision!r}; give a commit, branch or tag of the Hub as a str, or None"
        )


def weight_files(
    snapshot: Snapshot, what: str = "encoder", option: str = " (--encoder FOLDER)"
) -> list[Path]:
    """Files with the weights of a checkpoint, fetched where they are not here yet.

    Parameters
    ----------
    snapshot : Snapshot
    what, option : str
        What messages call it, and where a folder is given.

    Raises
    ------
    SettingsError
        When they cannot be had, or there are none in safetensors.
    """
    found = _weights_here(snapshot)
    if not found:
        had(snapshot.name, lambda: _fetch_weights(snapshot), what, option)
        found = _weights_here(snapshot)
    if not found:
        raise SettingsError(
            f"{what} {snapshot.name} has no weights in safetensors ({_WEIGHTS}), and those of other formats are not "
            "read, since they may hold code; choose another one, or save it again with transformers"
        )
    return found


def _weights_here(snapshot: Snapshot) -> list[Path]:
    """All of its files of weights; none where some are missing."""
    whole = snapshot.file(_WEIGHTS)
    if whole is not None:
        return [whole]
    shards = [snapshot.file(shard) for shard in _shards(snapshot)]
    return [shard for shard in shards if shard is not None] if None not in shards else []


def _fetch_weights(snapshot: Snapshot) -> None:
    snapshot.fetch(_WEIGHTS)
    if snapshot.file(_WEIGHTS) is None:
        snapshot.fetch(_SHARDS)
        snapshot.fetch(*_shards(snapshot))


def _shards(snapshot: Snapshot) -> list[str]:
    index = json_of(snapshot, _SHARDS)
    return sorted(set((index or {}).get("weight_map", {}).values()))


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


def facts_of(snapshot: Snapshot, files: Iterable[str]) -> list[str]:
    """Names and hashes of those of some files that there are; a configuration's without what names its writer."""
    found = []
    for file in files:
        path = snapshot.file(file)
        if path is not None and file == CONFIG:
            told = json_of(snapshot, file)
            own = {key: value for key, value in told.items() if key not in _OF_THE_WRITER}
            found.append(f"{file} {json.dumps(own, sort_keys=True)}")
        elif path is not None:
            found.append(f"{file} {digest_of([path])}")
    return found


def tokenizer_files(snapshot: Snapshot, tokenizer: Any) -> list[str]:
    """Names of the files that a tokenizer is made from: tokenizer.json, or where it is missing its vocabularies."""
    whole = snapshot.file(TOKENIZER) is not None
    return [*TOKENIZER_FILES, *([] if whole else sorted(set(tokenizer.vocab_files_names.values())))]


def digest_of_facts(facts: Iterable[str]) -> str:
    """Hash of some facts in their order, 20 hexadecimal digits."""
    return hashlib.sha256("\n".join(facts).encode("utf-8", "surrogatepass")).hexdigest()[:20]


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
    MissingExtraError
        For a kind of model that needs a further package.
    """
    if is_missing_folder(name):
        raise SettingsError(f"there is no {what} folder {name}; give a folder that save_pretrained wrote")
    try:
        return load()
    except Exception as error:  # transformers raises dozens of kinds, all of which mean the same to a user
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        package = re.search(r"requires the (\S+) library", reason)
        if isinstance(error, ImportError) and package:
            raise MissingExtraError(
                f"{what} {name} needs {package[1]}, which is not installed; install it with pip install {package[1]}"
            ) from error
        if "ignore_mismatched_sizes" in reason:  # of a report that only a log has
            reason = f"its weights have other shapes than {CONFIG} says"
        where = "read" if Path(name).is_dir() else "had from the Hugging Face Hub"
        raise SettingsError(
            f"{what} {name} could not be {where} ({reason}); give a local folder that holds one{option}"
        ) from error


def is_missing_folder(name: str) -> bool:
    """Whether a name can only be that of a folder, and there is none."""
    folder = name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name
    return folder and not Path(name).is_dir()


def json_of(snapshot: Snapshot, inside: str, what: str = "encoder") -> Any:
    """What a JSON file of a checkpoint holds; None where there is none of that name."""
    path = snapshot.file(inside)
    if path is None:
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SettingsError(
            f"{inside} of {what} {snapshot.name} is no JSON; fetch the {what} again"
        ) from error


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
