"""``diagnose``: words before numbers, and rows that say the same."""

from __future__ import annotations

import pytest
from cli_helpers import make_texts, write_csv

from counterpoise.data.readers import read
from counterpoise.difficulty import difficult_samples
from counterpoise.groups import text_groups

KEYS = [
    *("dataset", "data", "rows", "classes", "minority", "ratio"),
    *("repeats_within", "repeats_across", "conflicts"),
    *("k", "difficult_share", "majority_difficult_share", "by_class", "difficult", "most_difficult"),
    "embedding",
]


@pytest.fixture(scope="module")
def flawed(tmp_path_factory):
    """Three copies in one class, a pair with two labels, and a rare text that reads like a usual one."""
    texts, labels = make_texts(seed=5)
    usual, rare = labels.index("usual"), labels.index("rare")
    texts += [
        texts[usual].upper(),
        texts[usual] + "!",
        texts[rare],
        "late train",
    ]
    labels += ["usual", "usual", "usual", "rare"]
    path = tmp_path_factory.mktemp("data") / "flawed.csv"
    return write_csv(path, {"text": texts, "label": labels}), rare


def test_json_is_one_row_that_agrees_with_python(flawed, run_json):
    path, rare = flawed
    (row,) = run_json("diagnose", path)
    assert list(row) == KEYS
    assert (row["dataset"], row["rows"], row["minority"], row["k"]) == ("flawed.csv", 164, "rare", 5)
    assert row["classes"] == {"usual": 131, "rare": 33}
    assert row["ratio"] == pytest.approx(131 / 33)
    assert row["repeats_within"] == {"rare": 0, "usual": 3}
    assert row["repeats_across"] == 2
    ((one, other),) = row["conflicts"]
    assert {(text["row"], text["label"], text["copies"]) for text in (one, other)} == {
        (rare, "rare", 1),
        (162, "usual", 1),
    }
    data = read(path)
    found = difficult_samples(data.texts, data.labels, minority="rare")
    assert row["difficult_share"] == found.share
    assert sorted(case["row"] for case in row["difficult"]) == found.difficult.tolist()
    gammas = [case["gamma"] for case in row["difficult"]]
    assert gammas == sorted(gammas, reverse=True)
    assert len(row["most_difficult"]) == min(10, len(gammas))
    groups = text_groups(data.texts)
    for case, short in zip(row["most_difficult"], row["difficult"], strict=False):
        assert (case["row"], case["gamma"]) == (short["row"], short["gamma"])
        assert case["text"] == data.texts[case["row"]]
        assert case["label"] == "rare"
        assert 1 <= len(case["nearest"]) <= 2
        for near in case["nearest"]:
            assert near["label"] == "usual"
            assert near["text"] == data.texts[near["row"]]
            assert groups[near["row"]] != groups[case["row"]]
    for name, by_class in row["by_class"].items():
        assert sum(by_class["neighbours"].values()) == pytest.approx(1)
        assert list(by_class["neighbours"]) == ["rare", "usual"]
        share = row["difficult_share"] if name == "rare" else row["majority_difficult_share"]
        assert by_class["difficult_share"] == share
    assert row["embedding"] == "label-free"


def test_words_come_first_and_say_what_to_do(flawed, run):
    shown = run("diagnose", flawed[0]).stdout
    lines = shown.splitlines()
    assert lines[0] == "1 text in 5.0 is 'rare': 33 of 164, with 4.0 'usual' for each."
    assert "judge by average precision and F1" in lines[1]
    assert "3 texts (1.8%) nearly repeat another of their own class: 3 of 131 'usual'." in shown
    assert "2 texts nearly repeat one of another class, such as" in shown
    assert "of 33 'rare'" in shown
    assert "recall_difficult" in shown
    cases = [line for line in lines if " of 5  row " in line]
    assert 1 <= len(cases) <= 10
    assert all(len(line) <= 110 for line in cases)
    assert max(len(line) for line in lines) < 140


def test_nothing_to_remark_on(tmp_path, run):
    texts = [f"refund broken parcel number{i} of mine" for i in range(20)]
    texts += [f"train late again today at{i} oclock" for i in range(30)]
    path = write_csv(tmp_path / "clean.csv", {"text": texts, "label": ["rare"] * 20 + ["usual"] * 30})
    shown = run("diagnose", path).stdout
    assert "0 texts (0.0%) nearly repeat" in shown
    assert "No text nearly repeats one of another class." in shown
    assert "0 of 20 'rare' (0.0%) are difficult" in shown
    assert "The most difficult" not in shown


def test_even_classes_are_told(tmp_path, run):
    texts, labels = make_texts(n=60, n_rare=28)
    path = write_csv(tmp_path / "even.csv", {"text": texts, "label": labels})
    assert "The classes are nearly even" in run("diagnose", path).stdout


def test_several_classes_get_a_table(three_classes, run, run_json):
    lines = run("diagnose", three_classes).stdout.splitlines()
    assert lines[0].endswith(", 3 classes.")
    assert any(line.split()[:3] == ["class", "mostly", "near"] for line in lines)
    (row,) = run_json("diagnose", three_classes)
    assert row["minority"] is None
    assert set(row["by_class"]) == {"early", "late", "rare"}
    (named,) = run_json("diagnose", three_classes, "--minority", "rare")
    assert set(named["by_class"]) == {"rare", "rest"}


def test_keep_rows_and_k(flawed, run_json):
    path, _ = flawed
    (row,) = run_json("diagnose", path, "--keep", "9", "-k", "3", "--minority", "rare")
    assert (row["classes"]["rare"], row["k"]) == (9, 3)
    data = read(path)
    assert all(case["text"] == data.texts[case["row"]] for case in row["most_difficult"])
    assert all(data.labels[case["row"]] == "rare" for case in row["difficult"])


def test_a_network_may_judge(labelled, run_json):
    (row,) = run_json("diagnose", labelled, "--backbone", "textcnn", "--quiet")
    assert (row["embedding"], row["epochs"]) == ("textcnn", 10)
    assert 0 <= row["difficult_share"] <= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--minority", "rar"), "did you mean 'rare'?"),
        (("--backbone", "mlp"), "mlp"),
        (("--keep", "900", "--minority", "rare"), "keep is 900"),
        (("--group", "nosuch"), "nosuch"),
        (("--max-epochs", "3"), "--max-epochs has no use without --backbone"),
        (("--image-size", "9"), "--image-size is for images, and"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(labelled, run, options, message):
    assert message in run("diagnose", labelled, *options, code=2).stderr


def test_the_built_in_corpus(run_json):
    (row,) = run_json("diagnose", "demo")
    assert row["classes"] == {"routine": 5850, "fraud": 150}
    assert 0 < row["majority_difficult_share"] < row["difficult_share"] <= 1


@pytest.mark.real_data
def test_real_messages(run_json, run):
    (row,) = run_json("diagnose", "sms_spam", "--minority", "spam")
    assert row["classes"] == {"ham": 4827, "spam": 747}
    assert 0.02 < row["difficult_share"] < 0.5
    assert row["majority_difficult_share"] < row["difficult_share"]
    assert len(row["most_difficult"]) == 10
    assert row["repeats_within"]["spam"] > 200
    assert "'spam'" in run("diagnose", "sms_spam").stdout
