"""What the rows say of a claim: pairs, tasks, intervals and the word at the end, on rows made by hand."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from scipy.stats import t

from claims import DEEP as DOS_CLAIMS
from claims import MIXING, Claim, Scores, claims, differences, judged, verdict
from counterpoise.experiments.papers import dos, mixup
from mixing_evidence import MANY
from mixing_lines import DEEP, FILLED_UP, IMAGES, LINES, ONLY_ARRAYS, name_of

COLUMNS = (
    "dataset",
    "keep",
    "method",
    "method_settings",
    "n_folds",
    "seed",
    "fold",
    "status",
    "f1_rare",
    "margin_common",
    "margin_rare",
    "finished_at",
    "machine",
    "arithmetic",
)


def rows_of(
    path: Path, *groups: tuple[str, str, int, list[float]], settings: str = "{}", **more: str
) -> Path:
    """Rows of a data set, a method, so many folds and values by fold, then seed."""
    with open(path, "a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if not file.tell():
            writer.writeheader()
        for dataset, method, n_folds, values in groups:
            for i, value in enumerate(values):
                row = dict.fromkeys(COLUMNS, "") | {
                    "dataset": dataset,
                    "method": method,
                    "method_settings": settings,
                    "n_folds": n_folds,
                    "seed": i // n_folds,
                    "fold": i % n_folds,
                    "status": "done",
                    "f1_rare": value,
                    "finished_at": "2026-01-01",
                    "machine": "a machine",
                    "arithmetic": "float32",
                }
                writer.writerow(row | more)
    return path


CLAIM = Claim("it helps", "arrays", "mixup", "erm", "f1_rare")


def test_the_interval_of_a_mean_is_about_the_tasks_there_are(tmp_path) -> None:
    path = rows_of(
        tmp_path / "mixing_arrays.csv",
        ("iris", "erm", 1, [0.5, 0.7]),
        ("iris", "mixup", 1, [0.51, 0.73]),
        ("wine", "erm", 1, [0.1, 0.1]),
        ("wine", "mixup", 1, [0.34, 0.38]),
        ("flat", "erm", 1, [0.1, 0.1]),
        ("flat", "mixup", 1, [0.2, 0.2]),
    )
    found, over = judged(CLAIM, Scores.of(path))
    # Standard errors are .01, .02 and 0, one degree of freedom each; how far .02, .26 and .1 lie apart plays no part.
    freedom = (1e-4 + 4e-4) ** 2 / (1e-8 + 16e-8)
    reach = t.ppf(0.975, freedom) * (5e-4) ** 0.5 / 3
    assert over == "3 tasks"
    assert (found["mean"], found["low"], found["high"]) == pytest.approx(
        (0.38 / 3, 0.38 / 3 - reach, 0.38 / 3 + reach)
    )
    assert verdict(CLAIM, found) == "confirmed"


def test_tasks_of_one_pair_have_a_mean_without_an_interval(tmp_path) -> None:
    path = rows_of(
        tmp_path / "mixing_arrays.csv",
        *((name, method, 1, [0.5]) for name in ("iris", "wine") for method in ("erm", "mixup")),
    )
    found, _ = judged(CLAIM, Scores.of(path))
    assert found == {"mean": 0.0, "low": None, "high": None}


def test_folds_of_one_task_are_not_taken_for_independent(tmp_path) -> None:
    gaps = [0.01, 0.02, 0.03, 0.02]
    path = rows_of(
        tmp_path / "mixing_arrays.csv",
        ("iris", "erm", 4, [0.5] * 4),
        ("iris", "mixup", 4, [0.5 + gap for gap in gaps]),
    )
    found, over = judged(CLAIM, Scores.of(path))
    # Nadeau and Bengio: the variance of the mean is s^2 (1/n + test share over train share).
    variance = 2e-4 / 3 * (1 / 4 + 1 / 3)
    assert over == "4 folds"
    assert found["high"] - found["mean"] == pytest.approx(t.ppf(0.975, 3) * variance**0.5)


def test_seeds_on_a_given_test_side_are(tmp_path) -> None:
    path = rows_of(
        tmp_path / "mixing_arrays.csv",
        ("iris", "erm", 1, [0.5] * 3),
        ("iris", "mixup", 1, [0.51, 0.52, 0.53]),
    )
    found, over = judged(CLAIM, Scores.of(path))
    assert over == "3 seeds"
    assert found["high"] - found["mean"] == pytest.approx(t.ppf(0.975, 2) * (1e-4 / 3) ** 0.5, abs=6e-5)


def test_only_cells_that_both_have_are_paired_and_the_later_row_of_a_cell_counts(tmp_path) -> None:
    path = rows_of(
        tmp_path / "mixing_arrays.csv",
        ("iris", "erm", 3, [0.5, 0.6, 0.7]),
        ("iris", "mixup", 3, [0.9, 0.9]),
        ("iris", "mixup", 3, [0.55, 0.65]),
    )
    rows_of(path, ("iris", "mixup", 3, [0.0, 0.0, 0.0]), status="failed")
    ((_, gaps),) = differences(CLAIM, Scores.of(path)).items()
    assert gaps == pytest.approx([0.05, 0.05])


def test_a_claim_keeps_to_its_data_set_and_thinning_and_settings_tell_methods_apart(tmp_path) -> None:
    path = rows_of(tmp_path / "mixing_images.csv", ("a", "erm", 1, [0.5]), keep="exponential:50")
    rows_of(path, ("a", "erm", 1, [0.1]), keep="exponential:10")
    rows_of(path, ("a", "mixup", 1, [0.7]), keep="exponential:50", settings='{"drw": true}')
    scores = Scores.of(path)
    late = Claim("it helps", "images", "mixup, drw", "erm", "f1_rare", keep="exponential:50")
    assert differences(late, scores) == {("a", "exponential:50"): pytest.approx([0.2])}
    assert not differences(CLAIM, scores)


def test_unevenness_is_what_the_rare_margin_lacks_and_less_turns_a_difference_round(
    tmp_path,
) -> None:
    path = rows_of(tmp_path / "x.csv", ("a", "mixup", 1, [0.5]), margin_common="4", margin_rare="1")
    rows_of(path, ("b", "mixup", 1, [0.5]), margin_common="0.004", margin_rare="-0.001")
    rows_of(path, ("c", "mixup", 1, [0.5]), margin_common="-1", margin_rare="-2")
    scores = Scores.of(path)
    uneven = Claim("uneven", "x", "mixup", "", "unevenness")
    assert differences(uneven, scores) == {("a", ""): [0.75], ("b", ""): [1.25]}
    assert differences(Claim("even", "x", "mixup", "", "unevenness", dataset="a", less=True), scores) == {
        ("a", ""): [-0.75]
    }


def test_a_difference_is_shown_as_it_was_taken(tmp_path) -> None:
    path = rows_of(
        tmp_path / "mixing_arrays.csv", ("iris", "erm", 1, [0.6, 0.7]), ("iris", "dos", 1, [0.5, 0.6])
    )
    less = Claim("it lowers it", "arrays", "dos", "erm", "f1_rare", less=True)
    alone = Claim("it is low", "arrays", "dos", "", "f1_rare", less=True)
    _, _, *shown = claims([path], [less, alone]).splitlines()
    assert "| `erm` - `dos` | f1_rare | 2 seeds | - | +0.1000 |" in shown[0]
    assert "| 0 - `dos` | f1_rare | 2 seeds | - | -0.5500 [" in shown[1]


@pytest.mark.parametrize(
    ("low", "high", "of_a_gain", "of_none"),
    [
        (0.001, 0.1, "confirmed", "refuted"),
        (-0.1, -0.001, "refuted", "confirmed"),
        (-0.005, 0.009, "open", "confirmed"),
        (-0.005, 0.011, "open", "open"),
        (None, None, "open", "open"),
    ],
)
def test_the_word_at_the_end(low, high, of_a_gain, of_none) -> None:
    found = {"mean": 0.0, "low": low, "high": high}
    assert verdict(CLAIM, found) == of_a_gain
    assert verdict(Claim("it does not", "arrays", "a", "b", "f1_rare", none=True), found) == of_none


def test_what_has_no_rows_is_open(tmp_path) -> None:
    path = rows_of(
        tmp_path / "mixing_arrays.csv", ("iris", "erm", 1, [0.5, 0.6]), ("iris", "mixup", 1, [0.6, 0.7])
    )
    shown = claims(
        [path], [CLAIM, Claim("nor this", "arrays", "dos", "erm", "f1_rare"), Claim("", "texts", "a", "", "")]
    )
    _, _, own, *others = shown.splitlines()
    assert "`mixup` - `erm`" in own
    assert "| +0.1000 | **open** |" in own, "of differences that are all one"
    assert [row.split(" | ")[-2:] for row in others] == [["not run", "**open** |"]] * 2
    (tmp_path / "mixing_texts.csv").write_text("\n", encoding="utf-8")
    assert claims([path, tmp_path / "mixing_texts.csv"], [CLAIM]).count("\n") == 2


def test_claims_are_about_contestants_and_sets_that_are_run() -> None:
    """Names as rows have them, from the lines that grids are planned of."""
    run = {
        "arrays": {line.name for line in (*LINES, *ONLY_ARRAYS)},
        "texts": {line.name for line in LINES},
        "many": {line.name for line in DEEP},
        "digits": {
            name_of(line.method, {**named(line), **({"rounds": 3} if line.method == "dos" else {})})
            for line in dos._LINES["6"]
        },
        "images": {
            name_of(line.method, named(line)) for line in mixup.LINES if line.name in (*IMAGES, *FILLED_UP)
        },
    }
    keeps = {"digits": [made.keep for made in dos.SETS], "images": [made.keep for made in mixup.SETS]}
    sets = {"many": [made.dataset for made in MANY]}
    for claim in (*MIXING, *DOS_CLAIMS):
        assert {claim.one, claim.other} - {""} <= run[claim.grid], claim
        assert not claim.keep or claim.keep in keeps[claim.grid], claim
        assert not claim.dataset or claim.dataset in sets[claim.grid], claim


def named(line) -> dict:
    return {name.removeprefix("method__"): value for name, value in line.settings.items()}
