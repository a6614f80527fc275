"""Help comes at once and shows how each command is called."""

import re
import subprocess
import sys

import pytest

import counterpoise

COMMANDS = (
    *("demo", "diagnose", "fit", "predict", "evaluate", "compare", "leaderboard", "tune", "reproduce"),
    *("oversample", "methods", "datasets"),
)


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


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["fitt"], r"no such command 'fitt'; did you mean 'fit'\?"),
        (["--quiet", "fit"], r"no such option:? '?--quiet'?; see `counterpoise --help`"),
        (["fit"], r"missing argument 'DATA'; see `counterpoise fit --help`"),
        (["fit", "a.csv"], r"missing option '--output' / '-o'; see `counterpoise fit --help`"),
        (["methods", "--xyzzy"], r"no such option:? '?--xyzzy'?; see `counterpoise methods --help`"),
        (["compare", "a.csv", "--fold", "3"], r"no such option:? '?--fold'?; did you mean '?--folds'?.*\?"),
        (
            ["methods", "erm", "ldam"],
            r"got unexpected extra argument.* \(ldam\); see `counterpoise methods .*`",
        ),
        (
            ["datasets", "sst2"],
            r"got unexpected extra argument.* \(sst2\); see `counterpoise datasets --help`",
        ),
        (["compare", "a.csv", "--folds"], r"option '--folds' requires an argument"),
        (
            ["compare", "a.csv", "--folds", "1"],
            r"invalid value for '--folds': .*2; see `counterpoise compare -.*",
        ),
        (
            ["compare", "a.csv", "--folds", "Many"],
            r"invalid value for '--folds': .*int.*; see `counterp.*",
        ),
    ],
)
@pytest.mark.parametrize("more", [[], ["--json"]], ids=["", "json"])
def test_usage_errors_are_one_sentence_each(run, args, sentence, more):
    """Typer's words differ a little between its versions."""
    result = run(args[0], *more, *args[1:], code=2)
    assert result.stdout == ""
    assert re.fullmatch(f"error: {sentence}\n", result.stderr), result.stderr


def test_no_command_at_all_is_help(run):
    assert run().stdout == run("--help").stdout
