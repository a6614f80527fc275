"""Remarks, warnings and tables, apart from any command."""

import re
import sys
import warnings

import pytest
import typer

from counterpoise.cli import screen as screen_module
from counterpoise.cli.screen import running
from counterpoise.errors import CounterpoiseWarning


def test_warnings_become_one_line_each_and_are_said_once(capsys):
    with running("fit", False, False):
        for _ in range(2):
            warnings.warn("fewer folds were made", CounterpoiseWarning, stacklevel=1)
            warnings.warn("lbfgs failed\nsee the manual\n", UserWarning, stacklevel=1)
    out, error = capsys.readouterr()
    assert (out, error) == ("", "note: fewer folds were made\nwarning: lbfgs failed\n")


def test_class_names_are_no_markup(capsys):
    with running("fit", False, False) as screen:
        screen.table(("class", "rows"), [("[red]rare[/red]", "3")])
    assert "[red]rare[/red]" in capsys.readouterr().out


@pytest.mark.parametrize("width", [200, 8])
def test_columns_that_mislead_are_red(capsys, monkeypatch, width):
    """Also where one row is turned on its side, which makes lines of its columns."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(screen_module, "_WIDTH_WITHOUT_TERMINAL", width)
    with running("reproduce", False, False) as screen:
        screen.table(("method", "a", "b"), [("x", "0.1", "0.2")], red=(2,))
    out = capsys.readouterr().out
    assert len(out.strip().splitlines()) == 3
    assert re.search(r"\x1b\[1;31m[^\x1b]*0\.2", out)
    assert not re.search(r"\x1b\[1;31m[^\x1b]*0\.1", out)


def test_json_is_the_only_output_and_has_no_nan(capsys):
    with running("fit", True, True) as screen:
        screen.line("a line")
        screen.note("a remark")
        screen.table(("a",), [("b",)])
        screen.rows([{"f1": float("nan"), "name": "größer"}])
    out, error = capsys.readouterr()
    assert out == '{"schema": 1, "command": "fit", "rows": [{"f1": null, "name": "größer"}]}\n'
    assert error == ""


def test_debug_shows_the_traceback(capsys, monkeypatch):
    monkeypatch.setenv("COUNTERPOISE_DEBUG", "1")
    with pytest.raises(typer.Exit) as ended, running("fit", False, False):
        raise ZeroDivisionError("by nought")
    assert ended.value.exit_code == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("n_rows", [1, 2])
def test_numbers_are_not_cut_off_on_a_narrow_terminal(capsys, monkeypatch, n_rows):
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with running("fit", False, False) as screen:
        screen.table(("method", *"abcdef"), [("tfidf_lr", *(f"0.12{i}4" for i in range(6)))] * n_rows)
    out = capsys.readouterr().out
    assert "tfidf_lr" in out
    assert all(f"0.12{i}4" in out for i in range(6))
