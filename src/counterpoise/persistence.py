"""Model folders: safetensors and JSON, no pickle, every file that is read under a checksum.

A folder holds ``model.safetensors`` (all arrays), ``config.json`` (everything else, with ``format_version``),
``vocabulary.txt`` (one word a line, where there are words) and ``README.md`` (the card). Reading runs no code
from the folder, and a file that is missing, changed or from another model is refused. The card is for people: it
is not read and may be edited. Whatever else has come into the folder is not read either, and a warning names it.
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from counterpoise.data.near import listed
from counterpoise.data.writers import atomic_folder
from counterpoise.errors import CounterpoiseWarning, ModelError, OutputError
from counterpoise.methods.predictors import SavedState

FORMAT_VERSION = 1
_ARRAYS, _WORDS, _CONFIG, _CARD = "model.safetensors", "vocabulary.txt", "config.json", "README.md"


def write_model(folder: str | Path, config: dict[str, Any], state: SavedState, card: str) -> None:
    """Write a model folder; it appears whole or not at all, and replaces an earlier model.

    Parameters
    ----------
    folder : path
    config : dict
        JSON values about the estimator; the predictor's own go under ``"predictor"``.
    state : SavedState
    card : str
        Markdown.

    Raises
    ------
    OutputError
        When the folder cannot be written, or holds something that is not a model.
    """
    _refuse_foreign(folder)
    with atomic_folder(folder, overwrite=is_model(folder)) as target:
        save_file({k: np.ascontiguousarray(v) for k, v in state.tensors.items()}, target / _ARRAYS)
        (target / _WORDS).write_text("\n".join(state.vocabulary), encoding="utf-8", newline="")
        (target / _CARD).write_text(card, encoding="utf-8")
        whole = _as_read(
            {
                "format_version": FORMAT_VERSION,
                **config,
                "predictor": state.config,
                "sha256": {name: _sha256((target / name).read_bytes()) for name in (_ARRAYS, _WORDS)},
            }
        )
        whole["config_sha256"] = _config_hash(whole)
        text = json.dumps(whole, indent=1, ensure_ascii=False)
        (target / _CONFIG).write_text(text, encoding="utf-8")


def check_target(folder: str | Path) -> None:
    """Refuse, before any work, a folder that :func:`write_model` could not write; leaves nothing behind.

    Raises
    ------
    OutputError
        As from :func:`write_model`.
    """

    class Tried(Exception):
        pass

    _refuse_foreign(folder)
    with suppress(Tried), atomic_folder(folder, overwrite=is_model(folder)):
        raise Tried


def _refuse_foreign(folder: str | Path) -> None:
    path = Path(folder)
    if path.is_dir() and any(path.iterdir()) and not is_model(path):
        raise OutputError(
            f"{folder} exists and holds something other than a saved model, so it is not replaced; name another folder"
        )


def is_model(folder: str | Path) -> bool:
    """Whether a folder holds a model of ours, whole or not, and nothing else; others' are never replaced."""
    folder = Path(folder)
    try:
        config = json.loads((folder / _CONFIG).read_bytes())
        others = _others(folder)
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and {"format_version", "config_sha256"} <= config.keys() and not others


def _others(folder: Path) -> list[str]:
    """Names in a folder that are no part of a model."""
    return sorted({path.name for path in folder.iterdir()} - {_ARRAYS, _WORDS, _CONFIG, _CARD})


def read_model(folder: str | Path) -> tuple[dict[str, Any], SavedState]:
    """Read a model folder.

    Parameters
    ----------
    folder : path

    Returns
    -------
    config : dict
        As given to :func:`write_model`.
    state : SavedState

    Raises
    ------
    ModelError
        In one sentence, when a file is missing, foreign or changed, or the format is newer than this version.

    Warns
    -----
    CounterpoiseWarning
        Names what else is in the folder; hidden files, which copying and version control leave, are passed
        over.
    """
    folder = Path(folder)
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "does not exist"
        raise ModelError(f"model folder {folder} {found}; name the folder that `counterpoise fit -o` wrote")
    config = _read_config(folder)
    for name, expected in config["sha256"].items():
        if _sha256(_bytes_of(folder, name)) != expected:
            raise ModelError(f"{folder / name} is not the file that was saved with this model; save it again")
    try:
        tensors = load_file(folder / _ARRAYS)
    except SafetensorError as error:
        raise ModelError(f"{folder / _ARRAYS} cannot be read ({error}); save the model again") from error
    words = _bytes_of(folder, _WORDS).decode("utf-8")
    state = SavedState(config.pop("predictor"), tensors, words.split("\n") if words else [])
    if others := [name for name in _others(folder) if not name.startswith(".")]:
        warnings.warn(
            f"model folder {folder} also holds {listed(others)}; only the model's own files are read",
            CounterpoiseWarning,
            stacklevel=3,
        )
    return config, state


def _read_config(folder: Path) -> dict[str, Any]:
    content = _bytes_of(folder, _CONFIG)
    try:
        config = json.loads(content)
        version = config["format_version"]
        intact = config["config_sha256"] == _config_hash(config)
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{folder / _CONFIG} is not that of a Counterpoise model; name another folder"
        ) from error
    if version != FORMAT_VERSION:
        raise ModelError(
            f"{folder} has format version {version}, this Counterpoise reads {FORMAT_VERSION}; "
            "install the version that saved it"
        )
    if not intact:
        raise ModelError(f"{folder / _CONFIG} was changed after it was saved; save the model again")
    return config


def _bytes_of(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError as error:
        raise ModelError(f"model folder {folder} has no {name}; copy the whole folder again") from error
    except OSError as error:
        raise ModelError(f"{folder / name} cannot be read: {error.strerror}") from error


def _as_read(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration as JSON will give it back: NumPy's numbers as Python's, paths and all keys strings."""
    return json.loads(json.dumps(config, default=_json_value))


def _json_value(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, os.PathLike) else value.tolist()


def _config_hash(config: dict[str, Any]) -> str:
    rest = {k: v for k, v in config.items() if k != "config_sha256"}
    return _sha256(json.dumps(rest, sort_keys=True).encode())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
