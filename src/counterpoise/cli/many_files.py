"""Commands over many files: ``'new/*.parquet'`` into a folder, one file by itself, here or on a Ray cluster.

What is in the folder already is left as it is, so that a command goes on where it was stopped, and a bad file fails
alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from glob import glob, has_magic
from pathlib import Path
from typing import Any

from counterpoise.cli.screen import Screen
from counterpoise.cluster import attempt, check_address, map_files
from counterpoise.data.image_columns import is_image_name
from counterpoise.errors import DataError, SettingsError


def names_many(source: str) -> bool:
    """Whether a source is a pattern of names and no name itself."""
    return has_magic(source) and not Path(source).exists()


def check_one(executor: str, address: str) -> None:
    """Refuse an executor, and an address of one, where there is one file."""
    if executor != "local":
        raise SettingsError(f"--executor {executor} is for several files; name them by * or ?")
    check_address(executor, address)


def each_file(
    screen: Screen,
    source: str,
    output: str,
    *,
    worker: Callable[..., Callable[[str, str], dict[str, Any]]],
    arguments: tuple[Any, ...],
    executor: str,
    address: str,
    what: str,
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Do something to each of the files that a pattern names.

    Parameters
    ----------
    screen : Screen
    source, output : str
        The pattern, and the folder of what comes out.
    worker, arguments
        ``worker(*arguments)`` is called with the names of one file and of what comes out of it, and returns JSON
        values. Ray makes one for each core.
    executor, address : str
    what : str
        A word for the progress: files that are what.

    Returns
    -------
    found : dict
        What was returned, by source.
    failed : dict of str to str
        Why a source could not be taken, which has been said, by source.

    Raises
    ------
    DataError, SettingsError
        Before any file is read.
    """
    from counterpoise.progress import bar

    if executor not in ("local", "ray"):
        raise SettingsError(f"there is no executor {executor!r}; choose from local, ray")
    check_address(executor, address)
    files = _outputs(source, output)
    left = {name: target for name, target in files.items() if not Path(target).exists()}
    screen.on_interrupt = f"what is ready is in {output}; the same command goes on"
    if len(left) < len(files):
        screen.note(
            f"{len(files) - len(left):,} of {len(files):,} files are in {output} already and left as they are"
        )
    Path(output).mkdir(parents=True, exist_ok=True)
    found: dict[str, dict[str, Any]] = {}
    failed: dict[str, str] = {}
    with bar(f"files {what}", len(left)) as progress:
        outcomes: Iterable[tuple[str, Any, str | None]] = ()
        if left and executor == "ray":
            outcomes = map_files(worker, arguments, left, address=address)
        elif left:
            outcomes = _each_here(worker(*arguments), left)
        for name, result, error in outcomes:
            if error is None:
                found[name] = result
            else:
                failed[name] = " ".join(error.split())
                screen.error(error if Path(name).name in error else f"{name}: {error}")
            progress.advance(1)
    return found, failed


def _each_here(
    work: Callable[[str, str], Any], files: Mapping[str, str]
) -> Iterator[tuple[str, Any, str | None]]:
    for source, output in files.items():
        yield source, *attempt(work, source, output)


def _outputs(source: str, output: str) -> Mapping[str, str]:
    """The file that comes out of each source."""
    names = sorted(name for name in glob(source, recursive=True) if Path(name).is_file())
    if not names:
        raise DataError(f"no file is named like {source}; check the path")
    if single := next((name for name in names if is_image_name(name)), None):
        raise DataError(f"{single} is a single image; give the folder that it is in")
    if output in ("", "-") or Path(output).is_file():
        raise SettingsError(f"{len(names)} files come in and as many go out; give a folder with -o FOLDER")
    files = {name: str(Path(output) / Path(name).name) for name in names}
    if len(set(files.values())) < len(files):
        twice = next(target for target, n in Counter(files.values()).items() if n > 1)
        raise SettingsError(
            f"two of the files are called {Path(twice).name} and would come out as one; take one folder at a time"
        )
    own = {Path(name).resolve() for name in names}
    if any(Path(target).resolve() in own for target in files.values()):
        raise SettingsError(f"the files come from the folder {output} themselves; give another one with -o")
    return files
