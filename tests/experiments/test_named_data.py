"""The data of a run on a named set are found by their content, in whatever way they were read."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from stored_rows import run_of

from counterpoise.data.imbalance import one_against_rest
from counterpoise.errors import DataError
from counterpoise.experiments import named_data
from counterpoise.experiments.named_data import find_task
from counterpoise.experiments.papers import base
from counterpoise.experiments.papers.base import Budget, Set, task_of
from counterpoise.experiments.task import Task
from tiny_texts import make_texts

NAMES = np.array(["a", "b", "c"], dtype=object)
SPLITS = {name: make_texts(sizes, seed=5) for name, sizes in (("train", (40, 30, 20)), ("test", (20, 10, 6)))}


@pytest.fixture(autouse=True)
def three(monkeypatch) -> list[str]:
    """A named set of three classes in two splits; the names of the splits that have been read."""
    asked: list[str] = []

    def read(name: str, split: str | None, data_dir=None) -> SimpleNamespace:
        asked.append(split or "train")
        texts, numbers = SPLITS[split or "train"]
        return SimpleNamespace(texts=texts, labels=NAMES[numbers])

    for room in (named_data, base):
        monkeypatch.setattr(room, "splits_of", lambda name: tuple(SPLITS))
        monkeypatch.setattr(room, "source_kind", lambda name: "text")
        monkeypatch.setattr(room, "read", read)
    return asked


def labelled(*splits: str):
    texts, numbers = zip(*(SPLITS[split] for split in splits), strict=True)
    return np.concatenate(texts), NAMES[np.concatenate(numbers)]


def found(task: Task, n_folds: int = 2) -> Task:
    made = run_of("erm", dataset="three", content=task.content, minority=task.minority, n_folds=n_folds)
    return find_task(made, "three")


@pytest.mark.parametrize("minority", [None, "c"])
@pytest.mark.parametrize("splits", [("train",), ("test",), ("train", "test")])
def test_one_split_or_all(splits, minority, three) -> None:
    texts, labels = labelled(*splits)
    if minority is not None:
        labels = one_against_rest(labels, minority)
    task = found(Task.of("another name", texts, labels, minority=minority))
    assert (task.name, task.minority, task.test) == ("three", minority, None)
    assert task.inputs.tolist() == texts.tolist()
    assert len(three) == len(set(three)), "each split is read once"
    assert ("test" in three) == (splits != ("train",)), "and no more than needed"


def test_a_given_test_side() -> None:
    texts, labels = labelled("train", "test")
    test = np.arange(len(texts)) >= len(SPLITS["train"][0])
    task = found(Task.of("three", texts, labels, test=test), n_folds=1)
    assert task.test.tolist() == test.tolist()
    with pytest.raises(
        DataError, match="three has no split or splits that are the rows which the run was made of"
    ):
        found(Task.of("three", texts, labels), n_folds=1)


def test_as_a_paper_reads_it(monkeypatch) -> None:
    made, budget = Set("Three", "three", "c", whole=True), Budget(folds=2, seeds=1, at_most=15)
    protocol = SimpleNamespace(SETS=(made,), BUDGETS={"small": budget})
    monkeypatch.setattr(named_data, "import_module", lambda name: protocol)
    wanted = task_of(made, at_most=15)
    assert len(wanted.inputs) == 30
    assert found(wanted).inputs.tolist() == wanted.inputs.tolist()


@pytest.mark.parametrize("how", [{}, {"whole": True}, {"given": True}])
def test_with_a_round_number_of_rows_of_each_class(monkeypatch, how) -> None:
    monkeypatch.setattr(named_data, "CAPS", (5, 12))
    wanted = task_of(Set("Three", "three", "c", **how), at_most=12)
    assert found(wanted, 1 if "given" in how else 2).inputs.tolist() == wanted.inputs.tolist()


def test_other_rows_are_refused() -> None:
    texts, labels = labelled("train")
    with pytest.raises(
        DataError, match=r"three has no split or splits with class 'c' against the rest that are the "
    ):
        found(Task.of("three", texts[1:], one_against_rest(labels[1:], "c"), minority="c"))


def test_a_class_that_the_set_lacks_is_no_reason_to_stop_with_another_error() -> None:
    texts, labels = labelled("train")
    task = Task.of("three", texts, one_against_rest(labels, "c"), minority="c")
    made = run_of("erm", dataset="three", content=task.content, minority="d", n_folds=2)
    with pytest.raises(DataError, match="three has no split or splits with class 'd' against the rest"):
        find_task(made, "three")
