"""Effects, gaps and ranks of MISO's design, from rows made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from design_rows import line_of, named, on_in, written
from scipy.stats import t

from counterpoise.experiments.paired_tests import corrected_t_test
from design_lines import (
    BROKEN,
    CONTROLS,
    EDITED,
    MISO,
    POINTER,
    ROUTES,
)
from design_statistics import of_a_share, pooled, reach
from design_tables import broken, effects, finalists, gaps, ranking, read_runs, why
from miso_design import MORE, TASKS, place_of


def test_an_interval_is_that_of_the_corrected_test_and_adds_up_over_tasks() -> None:
    one = [0.01, 0.05, 0.03, 0.02, 0.00, 0.08]
    test = corrected_t_test(one, 1 / 2)
    assert reach([one]) == pytest.approx(test.high - test.mean)
    tasks = [one, [0.1, 0.3, 0.2], [0.5, 0.5, 0.5]]
    spread = np.array([np.var(one, ddof=1) * (1 / 6 + 1 / 2), 0.01 * (1 / 3 + 1 / 2)])
    freedom = spread.sum() ** 2 / (spread[0] ** 2 / 5 + spread[1] ** 2 / 2)
    expected = t.ppf(0.975, freedom) * spread.sum() ** 0.5 / 3
    assert reach(tasks) == pytest.approx(expected)
    mean = (np.mean(one) + 0.2 + 0.5) / 3
    assert pooled(tasks) == f"{mean:+.4f} [{mean - expected:+.4f}, {mean + expected:+.4f}]"
    assert pooled([[0.1, 0.1]]) == "+0.1000"


def test_a_share_is_a_ratio_of_means_and_is_sure_where_each_gain_is_that_share_of_its_gap() -> None:
    widths = [[0.1, 0.3, 0.2], [0.4, 0.5, 0.6]]
    assert of_a_share((np.array(widths) / 4).tolist(), widths) == "+25%"
    gains = [[0.1, 0.0, 0.05], [0.3, 0.2, 0.1]]
    share = 0.25 / 0.7
    wide = reach((np.array(gains) - share * np.array(widths)).tolist()) / 0.35
    assert of_a_share(gains, widths) == f"{share:+.0%} [{share - wide:+.0%}, {share + wide:+.0%}]"


def test_an_effect_is_the_mean_of_cells_with_less_that_of_cells_without(tmp_path) -> None:
    """Of a factor that adds .02 and some fold by fold; another adds nothing, whatever the cells it is on in."""

    def score(line, dataset, seed, fold):
        assert seed == 0
        on = on_in(line)
        return (
            0.5 + ("injected" in on) * (0.01 + 0.01 * fold) + ("guided" in on) * 0.3 + ("sources" in on) * 0.1
        )

    path = written(tmp_path / "design_cells.csv", (*POINTER, *EDITED), score, seeds=(0,))
    shown = effects([path])
    row = line_of(shown, "`miso` | injected")
    wide = t.ppf(0.975, 8) * (1e-4 * (1 / 3 + 1 / 2) / 4) ** 0.5
    assert row[2:] == ["+0.020"] * 4 + [f"+0.0200 [{0.02 - wide:+.4f}, {0.02 + wide:+.4f}]"]
    assert line_of(shown, "`miso_edit` | amount")[2] in ("+0.000", "-0.000")
    assert "| `miso_edit` | information" not in shown
    assert "Left out" not in shown
    assert line_of(shown, "`miso` | sources")[2:] == ["+0.100", "", "", "", "+0.1000"]
    assert effects([tmp_path / "none.csv"]).splitlines()[2:5] == [
        "",
        "Not run yet: " + "; ".join(line.name for line in (*POINTER, *EDITED)) + ".",
        "",
    ]


def test_cells_of_which_one_is_incomplete_are_left_out_and_named(tmp_path) -> None:
    path = tmp_path / "design_cells.csv"
    written(path, (*POINTER[1:], *EDITED), lambda *_: 0.5, seeds=(0,))
    written(path, POINTER[:1], lambda *_: 0.5, seeds=(0,), sets=TASKS[:3])
    shown = effects([path])
    assert "| `miso` |" not in shown
    assert "| `miso_edit` | sources |" in shown
    assert f"Left out, since runs are missing: {POINTER[0].name} (3 of 12 runs)." in shown


def test_the_gap_is_of_the_plain_line_of_ones_own_kind(tmp_path) -> None:
    few = {"class_weight": 0.5, "word_swap": 0.6, "blend": 0.7, "words": 0.4, "characters": 0.5}
    many = {"class_weight": 0.9, "blend": 0.8, "words": 0.6}
    path = tmp_path / "design_plain.csv"
    written(path, named(*few), lambda line, *_: few[line.name])
    written(path, named(*many), lambda line, *_: many[line.name], whole=True)
    shown = gaps([path])
    assert line_of(shown, "word_swap") == [
        "word_swap",
        "closed",
        "class_weight",
        *["0.600 (+25%)"] * 4,
        "+25%",
    ]
    assert line_of(shown, "characters")[1:4] == ["beside", "words", "0.500 (+50%)"]
    assert line_of(shown, "blend")[1:] == ["open", "blend", *["0.700 (+0%)"] * 4, "+0%"]
    assert line_of(shown, "blend, all texts")[3:] == [*["0.800 (+100%)"] * 4, "+100%"]
    assert "| frozen encoder |" not in shown
    assert "frozen encoder, all texts" in shown.splitlines()[-3], "it is not run yet"


def test_seeds_are_paired_and_tasks_without_a_gap_give_no_share(tmp_path) -> None:
    """A cell of one seed is held against that seed alone; on ag_news the gap is .019, on toutiao below 0."""

    def reference(line, dataset, seed, fold):
        return 0.5 + 0.2 * seed

    def ceiling(line, dataset, seed, fold):
        gap = {"ag_news": 0.019, "toutiao": -0.1, "sms_spam": 0.1}.get(dataset, 0.2)
        return 0.5 + gap + (0.2 if gap <= 0.02 else 0.4) * seed

    def cell(line, dataset, seed, fold):
        return 0.55 + 0.01 * fold

    path = tmp_path / "design_plain.csv"
    written(path, named("class_weight"), reference)
    written(path, named("class_weight"), ceiling, whole=True)
    written(path, EDITED[1:2], cell, seeds=(0,))
    own = line_of(gaps([path]), EDITED[1].name)
    assert own[3:7] == ["0.560 (+60%)", "0.560 (+30%)", "0.560", "0.560"]
    expected = of_a_share([[0.05, 0.06, 0.07]] * 2, [[0.1] * 3, [0.2] * 3])
    assert own[7] == expected
    assert expected.startswith("+40% [")


def test_no_share_is_of_a_gap_that_is_not_wholly_known_and_lines_lack_no_run(tmp_path) -> None:
    path = tmp_path / "design_plain.csv"
    written(path, named("word_swap", "class_weight"), lambda *_: 0.5)
    written(path, named("class_weight"), lambda *_: 0.9, whole=True, seeds=(0,))
    written(path, [MISO], lambda *_: 0.5, seeds=(0,))
    shown = gaps([path])
    assert line_of(shown, "word_swap")[3:] == ["0.500"] * 4 + [""]
    assert "| MISO |" not in shown
    assert "class_weight, all texts (12 of 24 runs)" in shown
    assert "MISO (12 of 24 runs)" in shown


def test_several_tasks_of_one_data_set_do_not_overwrite_each_other(tmp_path) -> None:
    path = tmp_path / "design_plain.csv"
    written(path, named("words"), lambda *_: 0.5)
    written(path, named("words"), lambda *_: 0.9, whole=True)
    runs, (line,) = read_runs([path]), named("words")
    assert {row["average_precision"] for row in runs[place_of(TASKS[0])][line.identity].values()} == {"0.5"}
    assert {
        row["average_precision"] for row in runs[place_of(TASKS[0], whole=True)][line.identity].values()
    } == {"0.9"}


def test_epochs_tell_lines_apart(tmp_path) -> None:
    path = written(tmp_path / "design_plain.csv", named("class_weight, twice as long"), lambda *_: 0.5)
    assert "\n| class_weight |" not in why([path])
    assert "\n| class_weight, twice as long |" in why([path])


def test_the_ranking_is_of_lines_that_are_whole_on_all_sets_and_names_the_rivals(tmp_path) -> None:
    level = {"class_weight": 0.5, "word_swap": 0.7, "characters": 0.9, "MISO": 0.8, "blend of four": 0.6}
    lines = named(*level)
    path = tmp_path / "design_more.csv"
    sets = (*TASKS, *MORE)
    written(path, lines, lambda line, data, seed, fold: level[line.name] if seed == 0 else 0.1, sets=sets)
    written(path, lines, lambda *_: 0.1, whole=True)  # the ceiling's, of which there is nothing here
    written(path, named("cag"), lambda *_: 0.99, sets=sets[:5])
    shown = ranking([path])
    assert shown.startswith(f"| line | league | {' | '.join(made.dataset for made in sets)} | mean |")
    names = [line.strip("| ").split(" | ")[0] for line in shown.splitlines()[2:7]]
    assert names == ["characters", "MISO", "word_swap", "blend of four", "class_weight"]
    assert line_of(shown, "word_swap")[-2:] == ["0.700", "+0.2000"]
    assert line_of(shown, "characters")[1] == "beside"
    assert (
        "Rivals so far, by the mean: closed league, word_swap, class_weight; open league, blend of four."
        in shown
    )
    assert "cag (3 of 18 runs)" in shown
    assert "0.99" not in shown


def test_the_open_rival_is_a_blend_without_miso_that_chooses_nothing_itself(tmp_path) -> None:
    level = {
        "auto": 0.9,
        "blend of four, miso_edit": 0.8,
        "frozen encoder": 0.7,
        "blend": 0.6,
        "blend of four": 0.5,
    }
    path = tmp_path / "design_more.csv"
    written(path, named(*level), lambda line, *_: level[line.name], sets=(*TASKS, *MORE))
    assert "Rivals so far, by the mean: open league, blend." in ranking([path])


def chosen_of(path: Path, level: dict[str, float], seconds: dict[str, float]) -> str:
    written(
        path,
        named("erm", "class_weight", *level),
        lambda line, data, seed, fold: level.get(line.name, 0.5) if seed == 0 else 0.9,
        fit_seconds=lambda name: seconds.get(name, 10.0),
    )
    shown = finalists([path])
    return shown.partition("Chosen so far: ")[2].partition(".\n")[0]


def test_the_best_line_of_miso_is_chosen_where_it_is_affordable_and_no_control(tmp_path) -> None:
    level = {"shuffled words given up": 0.9, "MISO": 0.8, "soft labels": 0.7, "MISO, edited": 0.69}
    assert chosen_of(tmp_path / "a.csv", level, {"MISO": 51.0}) == "soft labels"
    assert chosen_of(tmp_path / "b.csv", level, {"MISO": 49.0}) == "MISO"
    assert chosen_of(tmp_path / "c.csv", level | {"MISO, edited": 0.696}, {"MISO": 51.0}) == "MISO, edited"


def test_seconds_of_unlike_machines_are_told_by_what_plain_training_takes_there(tmp_path) -> None:
    slow = {"erm": 10.0, "class_weight": 10.0, "soft labels": 40.0}
    written(
        tmp_path / "a.csv", named("erm", "class_weight", "soft labels"), lambda *_: 0.5, fit_seconds=slow.get
    )
    quick = {"erm": 5.0, "MISO": 30.0}
    paths = [
        tmp_path / "a.csv",
        written(tmp_path / "b.csv", named("erm", "MISO"), lambda *_: 0.6, machine="b", fit_seconds=quick.get),
    ]
    shown = finalists(paths)
    assert line_of(shown, "soft labels")[-2:] == ["4.0", ""]
    assert line_of(shown, "MISO")[-2:] == ["6.0", "takes too long"]
    assert line_of(why(paths), "MISO")[-1] == "30.0 (6.0 x)"


def test_finalists_say_why_a_line_is_not_chosen(tmp_path) -> None:
    level = {"shuffled words given up": 0.9, "MISO": 0.8, "soft labels": 0.7}
    chosen_of(tmp_path / "a.csv", level, {"MISO": 51.0})
    shown = finalists([tmp_path / "a.csv"])
    assert line_of(shown, "shuffled words given up")[-2:] == ["1.0", "a control"]
    assert line_of(shown, "MISO")[-3:] == ["0.8000", "5.1", "takes too long"]
    assert line_of(shown, "soft labels")[-1] == ""


def test_what_a_part_is_worth_is_the_whole_less_the_broken(tmp_path) -> None:
    level = {"any partner": 0.5, "MISO, edited": 0.6}
    path = written(
        tmp_path / "design_routes.csv",
        named(*level),
        lambda line, data, seed, fold: level[line.name] + 0.01 * fold,
    )
    shown = broken([path])
    found = line_of(shown, "any partner in place of near ones")
    assert found[1:3] == ["MISO, edited", "any partner"]
    assert found[3:] == ["+0.100"] * 4 + ["+0.1000"]
    assert "Not run yet: shared words given up;" in shown
    names = {line.name for line in ROUTES}
    assert all({worse, better} <= names for _, worse, better in BROKEN)
    assert names >= CONTROLS


def test_why_is_told_beside_class_weights(tmp_path) -> None:
    share = {"class_weight": 0.5, "MISO": 0.3, "frozen encoder": 0.4}
    seconds = {"erm": 9.0, "class_weight": 10.0, "MISO": 45.0, "frozen encoder": 5.0, "words": 1.0}
    path = written(
        tmp_path / "design_plain.csv",
        named(*seconds),
        lambda *_: 0.5,
        difficult_share_after=lambda name: share.get(name, ""),
        fit_seconds=seconds.get,
    )
    shown = why([path])
    assert line_of(shown, "MISO") == ["MISO", "0.300 (-0.200)", "", "", "", "45.0 (4.5 x)"]
    assert line_of(shown, "frozen encoder")[1] == "0.400"
    assert line_of(shown, "words")[1:] == ["", "", "", "", "1.0 (0.1 x)"]
    assert "Not run yet: word_swap;" in shown
