"""Pictures: drawn of rows, whole or not at all, the same file twice."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from counterpoise.errors import MissingExtraError, SettingsError
from counterpoise.experiments.leaderboard import Ranking
from counterpoise.experiments.papers.scatter import Scatter
from counterpoise.experiments.rank_tests import Friedman
from counterpoise.experiments.results import Predictions
from counterpoise.experiments.table import Comparison, Row
from counterpoise.report import curves
from counterpoise.report.canvas import canvas, check_picture
from counterpoise.report.embedding import draw_embeddings
from counterpoise.report.rounds import draw_rounds
from turns import later


def said(seed: int, n: int = 40) -> Predictions:
    rng = np.random.default_rng(seed)
    rare = np.arange(n) < 8
    p = np.clip(0.3 * rare + rng.random(n) * 0.6, 0, 1)
    return Predictions(
        rows=np.arange(n),
        labels=rare.astype(int),
        decided=(p > 0.5).astype(int),
        probabilities=np.column_stack([1 - p, p]),
        rare=rare,
        hostile=None,
        classes=("ham", "spam"),
    )


def make_comparison(labels: list[str]) -> Comparison:
    rows = tuple(Row(label, label, None, {}, {}, ("00",), ()) for label in labels)
    return Comparison("toy", "00", "spam", None, 5, ((0, 0),), (0,), 1 / 4, rows)


RANKING = Ranking(
    ("miso", "word_swap", "erm", "focal"),
    (1.2, 1.9, 3.1, 3.8),
    Friedman((1.2, 1.9, 3.1, 3.8), 9.0, 9.0, 0.01, 6, 0),
    1.6,
    (("miso", "word_swap"), ("erm", "focal")),
    ("a", "b"),
    "They differ.",
)
DRAWN = {
    "curves": lambda path: curves.draw_curves(
        path, make_comparison(["erm", "miso"]), lambda row: [said(len(row.label)), said(9)]
    ),
    "ranks": lambda path: curves.draw_ranks(path, RANKING),
    "embeddings": lambda path: draw_embeddings(
        path,
        [
            Scatter(title, {kind: np.random.default_rng(0).random((5, 2)) for kind in curves_kinds})
            for title in ("plain training: 40.0% difficult", "MISO")
        ],
    ),
    "classes": lambda path: draw_embeddings(
        path,
        [
            Scatter(
                "after training",
                {name: np.random.default_rng(i).random((5, 2)) for i, name in enumerate(("human", "entity"))},
                {name: np.full((1, 2), 0.5) for name in ("human", "entity")},
                "prototypes",
            )
        ],
    ),
    "rounds": lambda path: draw_rounds(
        path,
        [("MNIST 0.90", [3.0, 2.0, 1.5], [4.0, 5.0, 6.0]), ("MNIST 0.99", [4.0, 3.0, 2.0], [4.0, 4.5, 5.0])],
        {"CNN": [("0.90", 0.9), ("0.99", 0.6)], "DOS, k = 5": [("0.99", 0.7)]},
    ),
    "rounds without scores": lambda path: draw_rounds(path, [("MNIST 0.90", [3.0], [4.0])], {}),
}
curves_kinds = ("majority", "minority", "difficult minority")


FORMATS = (".svg", ".png", ".pdf")


@pytest.mark.parametrize(
    ("name", "suffix"),
    later(
        product(DRAWN, FORMATS),
        lambda name, suffix: FORMATS[list(DRAWN).index(name) % len(FORMATS)] == suffix,
    ),
)
def test_the_same_rows_give_the_same_file(name, suffix, tmp_path) -> None:
    paths = [tmp_path / f"{i}{suffix}" for i in range(2)]
    for path in paths:
        DRAWN[name](path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [path.name for path in paths]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("curves", ["erm", "miso", "recall", "expected cost"]),
        ("ranks", [*RANKING.labels, "CD 1.60", "3.80"]),
        ("embeddings", ["plain training: 40.0% difficult", "difficult minority"]),
        ("classes", ["after training", "human", "entity", "prototypes"]),
        ("rounds", ["MNIST 0.99, within", "MNIST 0.90, between", "DOS, k = 5", "F1, rare classes"]),
    ],
)
def test_what_is_written_in_them(name, words, tmp_path, monkeypatch) -> None:
    import matplotlib as mpl

    monkeypatch.setitem(mpl.rcParamsDefault, "svg.fonttype", "none")  # texts as texts
    DRAWN[name](tmp_path / "picture.svg")
    text = (tmp_path / "picture.svg").read_text()
    for word in words:
        assert word in text


def test_curves_at_known_points() -> None:
    """One rare sample above all others, one below half of them."""
    rare = np.array([True, False, False, True, False, False])
    p = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    one = Predictions(
        rows=np.arange(6),
        labels=rare.astype(int),
        decided=rare.astype(int),
        probabilities=np.column_stack([1 - p, p]),
        rare=rare,
        hostile=None,
        classes=("ham", "spam"),
    )
    precisions = dict(zip(curves.RECALLS.round(3), curves._precision(one), strict=True))
    assert precisions[0.0] == 1.0
    assert precisions[0.5] == 1.0
    assert precisions[0.505] == precisions[1.0] == 0.5
    costs = curves._cost(one)
    assert costs[0] == costs[-1] == 0.0
    assert costs[100] == pytest.approx(0.25)


def test_nothing_is_left_when_drawing_fails(tmp_path) -> None:
    with pytest.raises(ZeroDivisionError), canvas(tmp_path / "a.svg", width=1, height=1):
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_names_and_the_missing_extra(tmp_path, monkeypatch) -> None:
    with pytest.raises(SettingsError, match=r"no picture has that ending; use '\.svg'"):
        check_picture(tmp_path / "a.gif")
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r'pip install "counterpoise\[report\]"'):
        check_picture(tmp_path / "a.svg")
