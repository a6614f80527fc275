"""Help comes at once and shows how each command is called."""

import subprocess
import sys

import pytest

import counterpoise

COMMANDS = ("demo", "fit", "predict", "evaluate", "compare", "oversample", "methods", "datasets")


@pytest.mark.parametrize("args", [[], ["--help"], ["fit", "--help"]])
def test_help_imports_nothing_heavy(args):
    code = (
        "import sys\n"
        "from counterpoise.cli.app import app\n"
        f"try: app({args!r})\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'sklearn', 'scipy', 'numpy', 'polars', 'pyarrow', 'pandas', 'imblearn', 'faiss'}\n"
        "found = heavy & set(sys.modules)\n"
        "sys.exit(f'imported: {found}' if found else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help_with_examples(run, command):
    help_text = run(command, "--help").stdout
    assert f"counterpoise {command} " in help_text.split("Examples:")[1] + " "
    assert "--json" in help_text
    assert "--quiet" in help_text


def test_every_command_is_listed(run):
    listing = run("--help").stdout
    assert all(f" {command} " in listing for command in COMMANDS)


def test_version(run):
    assert run("--version").stdout == f"counterpoise {counterpoise.__version__}\n"


def test_usage_errors_are_exit_code_2(run):
    assert "No such command" in run("fitt", code=2).output
    assert "--output" in run("fit", "reviews.csv", code=2).output
    assert "No such option" in run("methods", "--wrong", code=2).output
