"""Effects and gaps of MISO's design, from rows made by hand."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from scipy.stats import t

from design_tables import effects, gaps, is_open, ranking
from miso_design import CELLS, ELSEWHERE, FACTORS, MORE, PLAIN, RIVALS, ROUTES, TASKS

COLUMNS = (
    "dataset",
    "keep",
    "method",
    "backbone",
    "method_settings",
    "backbone_settings",
    "seed",
    "fold",
    "status",
)


def written(path: Path, lines, score, *, keep="0.1", datasets=tuple(made.dataset for made in TASKS)) -> Path:
    """Rows of lines by ``score(line, dataset, fold)``."""
    with open(path, "a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*COLUMNS, "average_precision"])
        if not file.tell():
            writer.writeheader()
        for line in lines:
            own = {kind: {} for kind in ("method", "backbone")}
            for name, value in line.settings.items():
                kind, _, setting = name.partition("__")
                own[kind][setting] = value
            for dataset in datasets:
                for fold in range(3):
                    row = {
                        "dataset": dataset,
                        "keep": keep,
                        "method": line.method,
                        "backbone": line.backbone or "",
                    }
                    row |= {f"{kind}_settings": json.dumps(value) for kind, value in own.items()}
                    row |= {"seed": 0, "fold": fold, "status": "done"}
                    writer.writerow(row | {"average_precision": score(line, dataset, fold)})
    return path


def test_names_and_settings_tell_all_lines_apart() -> None:
    every = [*PLAIN, *ROUTES, *CELLS, *RIVALS]
    assert len({line.name for line in every}) == len(every)
    assert len(
        {json.dumps([line.method, line.backbone, line.settings], sort_keys=True) for line in every}
    ) == len(every)
    assert len(CELLS) == 32


def test_each_factor_is_on_in_half_of_its_cells_whatever_the_others_are() -> None:
    for method, n in (("miso", 16), ("miso_edit", 8)):
        cells = [line for line in CELLS if line.name.startswith(f"{method}: ")]
        assert len(cells) == n
        factors = [name for name in FACTORS if n == 16 or name != "information"]
        on = {name: {line.name for line in cells if name in line.name} for name in factors}
        assert {len(own) for own in on.values()} == {n // 2}
        for one in factors:
            for other in set(factors) - {one}:
                assert len(on[one] & on[other]) == n // 4
        assert any(line.name == f"{method}: amount{', information' if n == 16 else ''}" for line in cells), (
            "the default"
        )


def test_an_effect_is_the_mean_of_cells_with_less_that_of_cells_without(tmp_path) -> None:
    """Of a factor that adds .02 and some fold by fold; another adds nothing, whatever the cells it is on in."""

    def score(line, dataset, fold):
        return 0.5 + ("sources" in line.name) * (0.01 + 0.01 * fold) + ("guided" in line.name) * 0.3

    shown = effects([written(tmp_path / "design_cells.csv", CELLS, score)]).splitlines()
    (row,) = (line for line in shown if line.startswith("| `miso` | sources |"))
    reach = t.ppf(0.975, 8) * (1e-4 * (1 / 3 + 1 / 2) / 4) ** 0.5
    assert row.endswith(f"| +0.0200 [{0.02 - reach:+.4f}, {0.02 + reach:+.4f}] |")
    assert row.count("+0.020 ") == 4
    assert any(line.startswith("| `miso_edit` | amount | +0.000") for line in shown)
    assert not any("| `miso_edit` | information" in line for line in shown)
    assert effects([tmp_path / "none.csv"]).count("\n") == 1


def test_the_gap_is_from_class_weights_to_the_best_of_the_league(tmp_path) -> None:
    few = {"class_weight": 0.5, "word_swap": 0.6, "blend": 0.7}
    whole = {"class_weight": 0.8, "word_swap": 0.9, "blend": 0.9, "auto": 1.0}
    path = tmp_path / "design_plain.csv"
    written(path, [line for line in PLAIN if line.name in few], lambda line, *_: few[line.name])
    written(path, [line for line in PLAIN if line.name in whole], lambda line, *_: whole[line.name], keep="")
    shown = gaps([path])
    assert "| word_swap |  | 0.600 (+25%) |" in shown
    assert "| blend | open | 0.700 (+40%) |" in shown
    assert "| the best on all texts |  | 0.900 |" in shown
    assert "| the best on all texts, open | open | 1.000 |" in shown


def test_the_ranking_is_of_lines_that_are_whole_on_all_sets(tmp_path) -> None:
    level = {"class_weight": 0.5, "word_swap": 0.7, "blend": 0.6, "cag": 0.9}
    sets, more = (tuple(made.dataset for made in those) for those in (TASKS, MORE))
    lines = [line for line in (*PLAIN, *RIVALS) if line.name in level]
    path = tmp_path / "design_more.csv"
    every = [line for line in lines if line.name != "cag"]
    written(path, every, lambda line, *_: level[line.name], datasets=sets)
    written(path, every, lambda line, *_: level[line.name], datasets=more, keep="")
    written(
        path, every, lambda *_: 0.1, datasets=sets, keep=""
    )  # the ceiling's, of which there is nothing here
    written(path, [line for line in lines if line.name == "cag"], lambda *_: 0.9, datasets=(*sets, more[0]))
    assert ranking([path]).startswith(f"| line | league | {' | '.join((*sets, *more))} | mean |")
    shown = ranking([path]).splitlines()[2:]
    assert [line.split(" | ")[0] for line in shown] == ["| word_swap", "| blend", "| class_weight"]
    assert shown[1].startswith("| blend | open |")
    assert shown[0].endswith("| 0.700 |")
    assert "0.9" not in ranking([path])


@pytest.mark.parametrize("line", [*PLAIN, *ROUTES, *CELLS, *RIVALS], ids=lambda line: line.name)
def test_the_open_league_is_of_those_with_an_encoder(line) -> None:
    named = line.method == "auto" or line.backbone == "encoder" or "method__encoder" in line.settings
    assert is_open(line.name) == named


def test_elsewhere_is_named_as_it_is() -> None:
    assert [line.backbone for line in ELSEWHERE if line.name.startswith("frozen encoder")] == ["encoder"] * 2
