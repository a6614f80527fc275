"""Progress of long work: a bar on a terminal, plain lines elsewhere, nothing when asked to be quiet.

Libraries must not write to a user's screen unasked, so the default is silence; the command line switches
progress on for its own process with :func:`show`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_SECONDS_BETWEEN_LINES = 5.0


class Bar(Protocol):
    """What long work reports to."""

    def advance(self, steps: float = 1, note: str = "") -> None:
        """Say that ``steps`` more are done; ``note`` is a short remark such as the current loss."""


class _Silent:
    def advance(self, steps: float = 1, note: str = "") -> None:
        """Do nothing."""


class _Lines:
    """One plain line at most every five seconds."""

    def __init__(self, what: str, total: float | None) -> None:
        self.what, self.total, self.done = what, total, 0.0
        self.last = time.monotonic()

    def advance(self, steps: float = 1, note: str = "") -> None:
        self.done += steps
        now = time.monotonic()
        if now - self.last < _SECONDS_BETWEEN_LINES:
            return
        self.last = now
        share = f"{self.done:,.0f}" + ("" if self.total is None else f"/{self.total:,.0f}")
        print(f"{self.what}: {share} {note}".rstrip(), file=sys.stderr, flush=True)


class _Rich:
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self.progress, self.task = progress, task

    def advance(self, steps: float = 1, note: str = "") -> None:
        self.progress.update(self.task, advance=steps, note=note)


class _State:
    shown = False
    live: Progress | None = None


def show(on: bool = True) -> None:
    """Switch progress on or off for this process; off is the default."""
    _State.shown = on


@contextmanager
def bar(what: str, total: float | None = None) -> Iterator[Bar]:
    """Report the progress of a block of work.

    Parameters
    ----------
    what : str
        A short name of the work, such as ``"textcnn"``.
    total : float or None
        The number of steps when it is known.

    Yields
    ------
    Bar
        Call its ``advance`` after each step. Nested blocks share one display.
    """
    if not _State.shown:
        yield _Silent()
    elif not sys.stderr.isatty():
        yield _Lines(what, total)
    else:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        outermost = _State.live is None
        if _State.live is None:
            _State.live = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[note]}"),
                console=Console(stderr=True),
                transient=True,
            )
            _State.live.start()
        task = _State.live.add_task(what, total=total, note="")
        try:
            yield _Rich(_State.live, task)
        finally:
            _State.live.remove_task(task)
            if outermost:
                _State.live.stop()
                _State.live = None
