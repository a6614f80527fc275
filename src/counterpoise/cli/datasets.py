"""``counterpoise datasets``: the data sets that commands know by name, and where each would come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterpoise.cli.options import DataDir, Json, NothingRandom, Quiet
from counterpoise.cli.screen import running

if TYPE_CHECKING:
    from counterpoise.data.catalog_entries import Entry


def datasets(
    data_dir: DataDir = None,
    random_state: NothingRandom = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List the known data sets: splits and rows, classes, licence, where they are found."""
    with running("datasets", as_json, quiet) as screen:
        from counterpoise.data.catalog import entries
        from counterpoise.data.image_sets import image_entries

        known = [("text", entry) for entry in entries()] + [("image", entry) for entry in image_entries()]
        rows = [
            {
                "dataset": entry.name,
                "data": kind,
                "title": entry.title,
                "language": entry.language or None,
                "rows": dict(entry.rows),
                "classes": list(entry.classes),
                "licence": entry.licence,
                "source": entry.source,
                "aliases": list(entry.aliases),
                "found": _found(entry, data_dir),
            }
            for kind, entry in known
        ]
        cells = [
            (
                entry.name,
                kind,
                ", ".join(f"{split} {n:,}" for split, n in entry.rows.items()),
                _classes(entry.classes),
                entry.licence,
                _found(entry, data_dir),
            )
            for kind, entry in known
        ]
        screen.table(("data set", "data", "rows", "classes", "licence", "found"), cells, words=6)
        screen.rows(rows)


def _classes(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 4 else f"{len(names)}: {names[0]}, {names[1]}, ..."


def _found(entry: Entry, data_dir: str | None) -> str:
    """Where :func:`counterpoise.data.catalog.load` would take it from, without looking into the files."""
    from counterpoise.data.catalog import BUILT_IN, data_folder

    if entry.name == BUILT_IN:
        return "built in"
    folder, named = data_folder(data_dir)
    missing = [split for split in entry.splits if not (folder / entry.folder / f"{split}.parquet").is_file()]
    if not missing:
        return str(folder / entry.folder)
    if not named and entry.hub is not None:
        return f"Hugging Face Hub, {entry.hub.id}"
    which = "" if len(missing) == len(entry.splits) else f" ({', '.join(missing)})"
    return f"not here{which}"
