"""What a command shows, and how it ends: results on standard output, the rest on standard error, exit codes.

    with running("fit", as_json, quiet) as screen:
        screen.note("label column: 'topic' (guessed)")
        screen.table(("method", "f1"), [("erm", "0.712")])
        screen.rows([{"method": "erm", "f1": 0.712}])

Exit codes are 0, 2 for what the user can mend, 130 for an interrupt, 1 for an error of ours. Each error is one
sentence; ``COUNTERPOISE_DEBUG=1`` shows tracebacks.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import Any, Literal

import typer

from counterpoise import progress
from counterpoise.errors import CounterpoiseError, CounterpoiseWarning, SettingsError

SCHEMA = 1
"""Version of what ``--json`` prints."""

_CLOSED_PIPE = 141  # what a shell reports of a program ended by SIGPIPE
_WIDTH_WITHOUT_TERMINAL = 200
_BETWEEN_COLUMNS = 3


class Screen:
    """Where a command prints.

    Parameters
    ----------
    command : str
        Its name.
    as_json : bool
        Whether :meth:`rows` is the only output on standard output.
    quiet : bool
        Whether to leave remarks out.

    Attributes
    ----------
    on_interrupt : str
        What an interrupted command says of its results.
    """

    def __init__(self, command: str, as_json: bool, quiet: bool) -> None:
        self.command, self.as_json, self.quiet = command, as_json, quiet
        self.on_interrupt = "nothing was written"
        self._results = None if as_json else sys.stdout
        self._said: set[str] = set()

    def note(self, text: str) -> None:
        """Say a remark on standard error, once."""
        if not self.quiet and text not in self._said:
            self._said.add(text)
            print(text, file=sys.stderr, flush=True)

    def error(self, text: str) -> None:
        """Say on standard error what went wrong, in quiet too."""
        print(f"error: {' '.join(text.split())}", file=sys.stderr, flush=True)

    def leave_standard_output(self) -> None:
        """Let a table have standard output to itself: what is said of it goes to standard error, as remarks do.

        Raises
        ------
        SettingsError
            When JSON is wanted there.
        """
        if self.as_json:
            raise SettingsError("--json and the table would both go to standard output; give -o FILE")
        self._results = None if self.quiet else sys.stderr

    def line(self, text: str = "") -> None:
        """Print a line of the result, unless JSON is wanted."""
        if self._results is not None:
            print(text, file=self._results, flush=True)

    def warning(self, text: str) -> None:
        """Print a line of the result that must not be overlooked: red where there is a terminal."""
        if self._results is not None:
            from rich.console import Console

            Console(file=self._results, soft_wrap=True, highlight=False).print(
                text, style="bold red", markup=False
            )

    def table(
        self,
        headers: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        words: int = 1,
        red: Collection[int] = (),
    ) -> None:
        """Print a table of the result, unless JSON is wanted.

        Parameters
        ----------
        headers : sequence of str
        rows : sequence of sequences of str
        words : int, default=1
            How many columns, from the left, hold words; the others are numbers and stand to the right.
        red : collection of int, default=()
            Columns that must not be taken for what they look like: red where there is a terminal.
        """
        if self._results is None:
            return
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        red_rows: Collection[int] = ()
        # Rich, too, takes the width from COLUMNS where that is set.
        known = self._results.isatty() or os.environ.get("COLUMNS", "").isdigit()
        width = Console(file=self._results).width if known else _WIDTH_WITHOUT_TERMINAL
        if words < len(headers) and _natural_width(headers, rows) > width:
            # Numbers must not be cut off: one row is turned on its side, several run over the edge.
            if len(rows) == 1:
                headers, rows, words = ("", ""), list(zip(headers, rows[0], strict=True)), 2
                red, red_rows = (), red
            width = max(width, _natural_width(headers, rows))
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, show_header=any(headers))
        for i, header in enumerate(headers):
            side: Literal["left", "right"] = "left" if i < words else "right"
            style = "bold red" if i in red else None
            table.add_column(Text(header), justify=side, no_wrap=i >= words, overflow="fold", style=style)
        for i, row in enumerate(rows):
            table.add_row(*[Text(cell) for cell in row], style="bold red" if i in red_rows else None)
        Console(file=self._results, width=width).print(table)
        self._results.flush()

    def rows(self, rows: Sequence[dict[str, Any]], failed: Mapping[str, str] = MappingProxyType({})) -> None:
        """Print the one JSON object, if JSON is wanted; numbers that are not finite become null.

        Parameters
        ----------
        rows : sequence of dict
        failed : mapping of str to str, default=none
            Why files could not be taken, by name.
        """
        if self.as_json:
            from counterpoise.data.writers import json_text

            more = {"failed": dict(failed)} if failed else {}
            found = {"schema": SCHEMA, "command": self.command, "rows": list(rows), **more}
            print(json_text(found), flush=True)

    def warned(self, message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
        """Show a warning as one line; stands in for ``warnings.showwarning``."""
        first = (str(message).strip().splitlines() or [category.__name__])[0]
        self.note(f"note: {first}" if issubclass(category, CounterpoiseWarning) else f"warning: {first}")


@contextmanager
def running(command: str, as_json: bool, quiet: bool) -> Iterator[Screen]:
    """Run a command: progress on, warnings as lines, every error a sentence and an exit code.

    Raises
    ------
    typer.Exit
        In place of whatever ended the command early.
    """
    screen = Screen(command, as_json, quiet)
    progress.show(not quiet)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = screen.warned
            yield screen
    except typer.Exit:
        raise
    except KeyboardInterrupt:
        print(f"interrupted; {screen.on_interrupt}", file=sys.stderr)
        raise typer.Exit(130) from None
    except BaseException as error:
        raise typer.Exit(_report(error)) from None
    finally:
        progress.show(False)


def _natural_width(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    from rich.cells import cell_len

    columns = zip(headers, *rows, strict=True)
    return sum(max(map(cell_len, column)) + _BETWEEN_COLUMNS for column in columns)


def _report(error: BaseException) -> int:
    """Print what went wrong; return the exit code."""
    if os.environ.get("COUNTERPOISE_DEBUG"):
        traceback.print_exception(error)
    if isinstance(error, SystemExit | BrokenPipeError) or isinstance(error.__cause__, BrokenPipeError):
        # Whoever read our output has had enough (rich leaves by SystemExit then); that is no error.
        _abandon_stdout()
        return _CLOSED_PIPE
    if isinstance(error, CounterpoiseError | OSError):
        if isinstance(error, CounterpoiseError):
            sentence = str(error)
        else:
            sentence = f"{error.filename or 'the output'}: {error.strerror or error}"
            _abandon_stdout()
        print(f"error: {' '.join(sentence.split())}", file=sys.stderr)
        return 2
    if isinstance(error, MemoryError):
        print(
            "error: there is not enough memory for this; give fewer rows or smaller settings", file=sys.stderr
        )
        return 2
    what = " ".join(f"{type(error).__name__}: {error}".split())
    print(
        f"internal error ({what}); set COUNTERPOISE_DEBUG=1 for the traceback and please report it",
        file=sys.stderr,
    )
    return 1


def _abandon_stdout() -> None:
    """Let what is still buffered go, lest the interpreter complain about it on its way out."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def number(value: float | None, digits: int = 3) -> str:
    """A number for a table; ``-`` where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def filled_up(name: str, share: float) -> str:
    """A line on what ``balance="auto"`` chose for a class."""
    return f"{name}: {share:.0%} of what it lacks is to be filled, by cross-fitting"


def json_value(value: Any) -> str:
    """A setting as it would be given to ``--set``."""
    return value if isinstance(value, str) else json.dumps(value)
