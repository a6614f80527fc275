"""A figure of Matplotlib's: made, written whole or not at all, the same file every time.

with canvas("ranks.svg", width=7, height=3) as figure:
figure.subplots().plot(...)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from counterpoise.data.atomic import atomic_path
from counterpoise.data.near import listed
from counterpoise.errors import MissingExtraError, SettingsError

FORMATS = (".svg", ".png", ".pdf")
_DOTS_PER_INCH = 160


def check_picture(path: Path) -> None:
    """Refuse a picture that cannot be drawn, before any work.

    Raises
    ------
    SettingsError
        For a name that means no format.
    MissingExtraError
        When Matplotlib is not installed.
    """
    if path.suffix.lower() not in FORMATS:
        raise SettingsError(f"{path}: no picture has that ending; use {listed(FORMATS)}")
    _matplotlib()


@contextmanager
def canvas(path: Path, *, width: float, height: float) -> Iterator[Any]:
    """Draw a picture.

    Parameters
    ----------
    path : Path
        Its ending says the format.
    width, height : float
        In inches.

    Yields
    ------
    matplotlib.figure.Figure
        Written when the block is left without an error.
    """
    check_picture(path)
    matplotlib = _matplotlib()
    # Neither the user's style nor the time of day goes into a picture.
    with matplotlib.rc_context(
        {**matplotlib.rcParamsDefault, "svg.hashsalt": "counterpoise", "font.size": 9}
    ):
        from matplotlib.figure import Figure

        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        kind = path.suffix.lower().removeprefix(".")
        dated: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format=kind, dpi=_DOTS_PER_INCH, metadata=dated)


def _matplotlib() -> Any:
    try:
        import matplotlib
    except ImportError as error:
        raise MissingExtraError(
            'pictures are drawn by Matplotlib; install it with pip install "counterpoise[report]"'
        ) from error
    return matplotlib
