"""Whether anchors do what they are for: known answers, and that no classifier judges what it was trained on."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from counterpoise.data.imbalance import keep_minority
from counterpoise.data.readers import read
from counterpoise.errors import DataError
from counterpoise.experiments import membership, occlusion
from counterpoise.experiments.anchor_check import (
    called_minority,
    check_anchors,
    occlusion_of_shared,
    tell_apart,
)
from counterpoise.methods.base import Context
from counterpoise.miso.variants import MisoEdit
from counterpoise.oversampling.anchors import Anchor, anchor_table, anchors_from
from counterpoise.oversampling.random import RandomOverSampler
from counterpoise.oversampling.word_swap import WordSwap
from counterpoise.seeding import derive_seed
from counterpoise.text.tokenizers import tokenize
from counterpoise.training.settings import TrainingSettings

NAMES = [
    *("copies", "unknown", "distinct_share", "near_repeats", "near_training", "near_source", "near_anchors"),
    *("overlap", "self_bleu", "longest_span", "words", "shared_weight", "told_apart", "called_minority"),
]


@pytest.fixture(scope="module")
def toy(texts_of):
    """80 ham, 20 spam, and 20 more spam."""
    texts, labels = texts_of((80, 40), seed=5)
    rare = np.flatnonzero(labels == 1)
    kept = np.setdiff1d(np.arange(len(texts)), rare[20:])
    names = np.array(["ham", "spam"], dtype=object)[labels]
    return texts[kept], names[kept], texts[rare[20:]]


@pytest.fixture(autouse=True)
def _few_draws(request, monkeypatch) -> None:
    if "real_data" not in request.keywords:
        monkeypatch.setattr(membership, "_DRAWS", 3)


def anchors_by(sampler, toy) -> pa.Table:
    sampler.fit_resample(*toy[:2])
    return sampler.anchors_


@pytest.fixture(scope="module")
def swapped(toy):
    return anchors_by(WordSwap(random_state=0), toy)


@pytest.fixture(scope="module")
def copied(toy):
    return anchors_by(RandomOverSampler(random_state=0), toy)


@pytest.fixture(scope="module")
def donated(toy):
    """With partners in the minority too."""
    return anchors_by(MisoEdit(inject=0.5, random_state=0), toy)


class Adds:
    """Log-odds that are the sum of the words' own."""

    def __init__(self, **weights: float) -> None:
        self.weights = weights

    def logits(self, texts) -> np.ndarray:
        odds = [sum(self.weights.get(word, 0) for word in words) for words in tokenize(texts).to_list()]
        return np.stack([np.zeros(len(odds)), odds], axis=1)


TEXTS = np.array(["cash call now", "call me", "see me now"], dtype=object)
LABELS = np.array([1, 0, 0])


def test_weights_by_hand(monkeypatch) -> None:
    """Both majority texts are partners: "call", "me", "now" and "see" are shared, all other words are not."""
    models = iter([Adds(call=1, now=-0.5, cash=3, win=-2), Adds(call=4, now=2, cash=3, win=1)])
    monkeypatch.setattr(occlusion, "_trained", lambda *_: next(models))
    held_back = np.array(["call cash", "win call now now", "call me now", "quite other words"], dtype=object)
    found = occlusion_of_shared(
        TEXTS, LABELS, anchor_table([Anchor("cash call you", 0, (1,))]), 1, held_back=held_back
    )
    assert found.n == 2, "texts with shared words only, or none, say nothing"
    assert found.shared == pytest.approx((1 + (1 - 2 * 0.5) / 2) / 2)
    assert found.others == pytest.approx((3 + 2) / 2)
    assert found.shared_copies == pytest.approx((4 + (4 + 2 * 2) / 2) / 2)
    assert found.others_copies == pytest.approx((3 + 1) / 2)
    assert found.anchors == pytest.approx(0.5 / 2.5)
    assert found.copies == pytest.approx(4 / 2)
    assert found.difference == pytest.approx(found.anchors - found.copies)
    # Without the first text 0/2 - 4/1, without the second 1/3 - 4/3: the jackknife of two is half their distance.
    assert found.error == pytest.approx(abs(-4 - (1 - 4) / 3) / 2)
    figure = found.figure()
    assert (figure.shown, figure.compared) == ("0.20", "below 2.00 of random_oversample")
    assert (figure.verdict, figure.met) == ("falls, within the noise", True)


def test_the_error_is_that_of_a_mean_where_others_weigh_the_same() -> None:
    rng = np.random.default_rng(0)
    parts = [np.stack([rng.normal(size=30), np.full(30, weight)], axis=1) for weight in (2.0, 0.5)]
    found = occlusion._summary(parts[:1], parts[1:])
    differences = parts[0][:, 0] / 2 - parts[1][:, 0] / 0.5
    assert found.difference == pytest.approx(differences.mean())
    assert found.error == pytest.approx(differences.std(ddof=1) / 30**0.5)


def test_the_scale_of_a_classifier_does_not_matter(monkeypatch, toy, swapped) -> None:
    base = {"sign1a": 2.0, "sign1b": 1.5, "word1": 0.5, "word2": -0.25, "word7": 0.75}
    models = iter([Adds(**{word: 0.01 * value for word, value in base.items()}), Adds(**base)])
    monkeypatch.setattr(occlusion, "_trained", lambda *_: next(models))
    found = occlusion_of_shared(*toy[:2], swapped, "spam", held_back=toy[2])
    assert found.difference == pytest.approx(0)
    assert found.shared == pytest.approx(0.01 * found.shared_copies)


def test_anchors_that_are_copies_change_nothing(toy, copied) -> None:
    found = occlusion_of_shared(*toy[:2], copied, "spam", held_back=toy[2])
    assert found.anchors == pytest.approx(found.copies, abs=1e-4)
    assert found.figure().verdict.endswith("within the noise")


@pytest.mark.parametrize("sampler", ["swapped", "donated"])
def test_cross_fitted_classifiers_know_nothing_of_what_they_are_asked(
    monkeypatch, toy, sampler, request
) -> None:
    texts, labels, _ = toy
    anchors = request.getfixturevalue(sampler)
    n_asked, trained, of = 0, occlusion._trained, occlusion._Erased.of
    test: set[int] = set()

    def watched_of(every, rows, partners, seed):
        nonlocal test, n_asked
        test = set(rows.tolist())
        n_asked += len(rows)
        assert all(labels[row] == "ham" for near in partners for row in near)
        assert len(partners) == len(rows)
        return of(every, rows, partners, seed)

    def watched(side, added, context, seed):
        inside = set(side.inputs)
        assert not inside & set(texts[list(test)])
        made = {anchor.text: anchor for anchor in anchors_from(anchors)}
        assert len(added)
        for text in added:
            origin = [made[text].source_row, *made[text].partner_rows] if text in made else []
            assert inside.issuperset(texts[origin])
            assert text in made or text in side.inputs[side.labels == 1]
        sizes.append(len(added))
        return trained(side, added, context, seed)

    sizes: list[int] = []
    monkeypatch.setattr(occlusion._Erased, "of", staticmethod(watched_of))
    monkeypatch.setattr(occlusion, "_trained", watched)
    asked = np.flatnonzero(labels == "spam")[:10]
    found = occlusion_of_shared(texts, labels, anchors, "spam", difficult=asked)
    assert n_asked == 10
    assert 2 <= found.n <= 10
    assert sizes[::2] == sizes[1::2], "as many copies as anchors"
    assert len(sizes) == 6


def test_a_network_can_be_asked_too(toy, swapped, tiny) -> None:
    """Its words are those of the real texts: anchors have no vote in the vocabulary."""
    training = TrainingSettings(max_epochs=2, precision="float32", device="cpu")
    own = {name.removeprefix("backbone__"): value for name, value in tiny["textcnn"].items()}
    context = Context(0, backbone="textcnn", backbone_settings=own, training=training)
    found = occlusion_of_shared(*toy[:2], swapped, "spam", held_back=toy[2], context=context)
    assert np.isfinite([found.anchors, found.copies, found.error]).all()
    side = occlusion.Data(TEXTS, LABELS, 2, np.ones(3))
    new = np.array(["brandnew call", "brandnew now"], dtype=object)
    predictor = occlusion._trained(side, new, context, 0)
    assert "brandnew" not in predictor.encoder.tokenizer.words_  # type: ignore[attr-defined]


def test_texts_that_share_nothing_cannot_be_asked() -> None:
    with pytest.raises(DataError, match=r"and other words \(1\) are too few"):
        occlusion_of_shared(
            TEXTS,
            LABELS,
            anchor_table([Anchor("cash call you", 0, (1,))]),
            1,
            held_back=np.array(["entirely new", "call new"], dtype=object),
        )


def test_copies_cannot_be_told_and_a_mark_always(toy, copied, swapped) -> None:
    texts, labels, held_back = toy
    of_copies = tell_apart(texts, labels, copied, "spam", held_back)
    assert of_copies.anchors == of_copies.copies
    assert of_copies.copies < of_copies.word_swap
    assert 0.3 < of_copies.copies < 0.7
    assert of_copies.n == 20
    assert of_copies.figure().verdict == "good"
    made = anchors_from(copied)
    marked = [Anchor(f"xx yy zz {anchor.text} zz yy xx", anchor.source_row) for anchor in made]
    told = tell_apart(texts, labels, anchor_table(marked), "spam", held_back)
    assert told.anchors == 1
    assert (told.word_swap, told.copies) == (of_copies.word_swap, of_copies.copies)
    assert told.figure().verdict == "told better"
    long = [Anchor(f"{anchor.text} {texts[anchor.source_row]}", anchor.source_row) for anchor in made]
    assert tell_apart(texts, labels, anchor_table(long), "spam", held_back).anchors > 0.95, "length tells"
    like = tell_apart(texts, labels, swapped, "spam", held_back)
    assert abs(like.anchors - like.word_swap) < 3 * like.spread


def test_repeats_of_a_source_stay_on_its_side(toy, copied) -> None:
    """When the held-back texts are the sources themselves, copies are exactly as likely as they."""
    texts, labels, _ = toy
    same = tell_apart(texts, labels, copied, "spam", texts[labels == "spam"])
    assert same.copies == same.anchors == 0.5


def test_swapped_texts_stand_in_the_order_of_their_sources(toy) -> None:
    texts, labels, _ = toy
    rows = np.flatnonzero(labels == "spam")[3:17]
    made = membership._word_swapped(texts, labels == "spam", rows, 0)
    assert made.shape == (3, 14)
    for draw in made:
        for text, row in zip(draw, rows, strict=True):
            places = zip(text.split(), texts[row].split(), strict=True)
            assert sum(new == old for new, old in places) >= 6, "six of nine words stay in their places"


def test_a_handful_of_texts_cannot_be_told_apart(toy, copied) -> None:
    texts, labels, held_back = toy
    with pytest.raises(
        DataError, match=r"sources \(20\) or held-back texts \(9\) of class 'spam' are too few"
    ):
        tell_apart(texts, labels, copied, "spam", held_back[:9])


def test_who_is_called_minority(toy, copied) -> None:
    texts, labels, _ = toy
    rare = np.flatnonzero(labels == "spam")
    of_copies = called_minority(texts, labels, copied, "spam")
    assert of_copies.anchors == of_copies.real == 1
    assert (of_copies.n_anchors, of_copies.n_real) == (60, 20)
    assert of_copies.figure().verdict == "good"
    alien = [Anchor(texts[labels == "ham"][i], int(rare[i % 20])) for i in range(40)]
    mixed = anchor_table(alien + anchors_from(copied)[:10])
    left = called_minority(texts, labels, mixed, "spam", difficult=rare[:7])
    assert left.anchors == 10 / 50
    assert (left.real, left.n_real) == (1, 7)
    assert left.figure().compared == "at least 97.0%: 100.0% of 7 real texts, less 3 points"
    assert left.figure().met is False


@pytest.mark.parametrize(
    ("sampler", "learnt_from"),
    [("swapped", {(16, 40)}), ("copied", {(16, 40)}), ("donated", {(16, 40), (12, 40)})],
)
def test_judges_know_neither_source_nor_partner_nor_any_anchor(
    monkeypatch, toy, sampler, learnt_from, request
) -> None:
    texts, labels, _ = toy
    anchors = request.getfixturevalue(sampler)
    made = {anchor.text: anchor for anchor in anchors_from(anchors)}
    row_of = {text: row for row, text in enumerate(texts)}
    sizes, judged, called = [], 0, membership._called

    def watched(given, rare, train, asked, seed):
        nonlocal judged
        assert given is texts
        for text in asked.anchors:
            assert not train[[made[text].source_row, *made[text].partner_rows]].any()
        assert not train[[row_of[text] for text in asked.real]].any()
        judged += len(asked.anchors)
        sizes.append((int(train[rare].sum()), int(train[~rare].sum())))
        return called(given, rare, train, asked, seed)

    monkeypatch.setattr(membership, "_called", watched)
    found = called_minority(texts, labels, anchors, "spam")
    assert judged == found.n_anchors == 60
    assert set(sizes) == learnt_from, "some models have more to learn from"


def test_anchors_with_partners_everywhere_are_not_judged(toy, copied) -> None:
    texts, labels, _ = toy
    everyone = tuple(np.flatnonzero(labels == "ham").tolist())
    made = anchors_from(copied)
    wide = [Anchor("a text", made[0].source_row, everyone)]
    assert called_minority(texts, labels, anchor_table([*wide, *made[:5]]), "spam").n_anchors == 5
    with pytest.raises(DataError, match="no part of the data is free of the sources and partners"):
        called_minority(texts, labels, anchor_table(wide), "spam")


def test_a_minority_of_repeats_cannot_be_parted() -> None:
    texts = np.array(["win cash", "Win  cash", "see you", "be there"], dtype=object)
    with pytest.raises(DataError, match=r"the texts of one side \(2\) all repeat each other"):
        called_minority(texts, np.array([1, 1, 0, 0]), anchor_table([Anchor("win now", 0)]), 1)


def test_the_whole_report(toy, swapped) -> None:
    texts, labels, held_back = toy
    figures = check_anchors(texts, labels, swapped, "spam", held_back=held_back)
    assert [figure.name for figure in figures] == NAMES
    assert all(figure.value is not None for figure in figures)
    assert check_anchors(texts, labels, swapped, "spam", held_back=held_back) == figures
    assert check_anchors(texts, labels, swapped, "spam", held_back=held_back, seed=1) != figures
    lists = (texts.tolist(), labels.tolist())
    assert check_anchors(*lists, swapped, "spam", held_back=held_back.tolist()) == figures
    with pytest.raises(DataError, match="there are 100 texts and 99 labels"):
        check_anchors(texts, labels[1:], swapped, "spam")


def test_what_cannot_be_measured_is_said(toy, swapped) -> None:
    texts, labels, held_back = toy
    figures = {figure.name: figure for figure in check_anchors(texts, labels, swapped, "spam")}
    assert list(figures) == NAMES
    assert figures["told_apart"].verdict.startswith(
        "not measured: no texts of the class that the sampler has not seen"
    )
    assert (figures["told_apart"].shown, figures["told_apart"].met) == ("-", None)
    assert figures["shared_weight"].value is not None
    spam = texts[labels == "spam"]
    assert check_anchors(texts, labels, swapped, "spam", held_back=spam) == list(figures.values())
    seen = np.concatenate([spam, held_back[:4]])
    few = {figure.name: figure for figure in check_anchors(texts, labels, swapped, "spam", held_back=seen)}
    assert "sources (20) or held-back texts (4)" in few["told_apart"].verdict, (
        "texts that the sampler saw are no test"
    )


@pytest.mark.slow
@pytest.mark.real_data
def test_word_swap_on_sms_spam() -> None:
    """The yardstick: near spam in its words, told from it by what it borrows, and often called ham."""
    data = read("sms_spam")
    kept, held_back = keep_minority(data.labels, "spam", "59", derive_seed(0, "keep"))
    sampler = WordSwap(random_state=0)
    texts, labels = data.texts[kept], data.labels[kept]
    sampler.fit_resample(texts, labels)
    figures = check_anchors(texts, labels, sampler.anchors_, "spam", held_back=data.texts[held_back])
    by_name = {figure.name: figure for figure in figures}
    assert all(
        by_name[name].met
        for name in ("copies", "unknown", "near_repeats", "overlap", "self_bleu", "told_apart")
    )
    assert 0.55 < by_name["told_apart"].value < 0.7
    assert 0.4 < by_name["called_minority"].value < 0.5
    assert 0.6 < by_name["shared_weight"].value < 1
