"""Words keep their surface and get the id of their main token."""

from __future__ import annotations

import numpy as np
import torch

from counterpoise.miso.corpus import Corpus, padded
from counterpoise.text.tokenizers import UNKNOWN, join_words

TEXTS = np.array(
    [
        "Win a (FREE) prize!",
        "free prize, win now",
        "  see you  ",
        "免费 大奖 free",
        "...",
        "",
        "win win prize see you",
    ],
    dtype=object,
)


def test_words_and_gaps_give_the_text_back() -> None:
    corpus = Corpus(TEXTS, dim=8)
    assert [join_words(corpus.words(row), corpus.gaps(row)) for row in range(len(TEXTS))] == TEXTS.tolist()


def test_spellings_of_a_word_share_its_id() -> None:
    corpus = Corpus(TEXTS, dim=8)
    assert corpus.ids(0)[2] == corpus.ids(1)[0] == corpus.ids(3)[-1] != UNKNOWN
    assert corpus.ids(0)[3] == corpus.ids(1)[1]


def test_a_text_without_a_word_is_one_unknown_id() -> None:
    corpus = Corpus(TEXTS, dim=8)
    assert corpus.words(5) == []
    assert corpus.ids(5).tolist() == [UNKNOWN]


def test_long_texts_are_cut() -> None:
    corpus = Corpus(TEXTS, dim=8, max_length=2)
    assert corpus.words(1) == ["free", "prize,"]
    assert len(corpus.gaps(1)) == 3
    assert corpus.is_cut(1)
    assert not corpus.is_cut(2)


def test_a_batch_is_padded_with_zeros_under_its_mask() -> None:
    ids, mask = Corpus(TEXTS, dim=8).batch(np.array([2, 1]))
    assert mask.tolist() == [[True] * 2 + [False] * 6, [True] * 4 + [False] * 4]
    assert ids.dtype == torch.int64
    assert (ids[~mask] == 0).all()
    assert (ids[mask] > 0).all()


def test_ids_do_not_depend_on_what_was_asked_before() -> None:
    one, other = Corpus(TEXTS, dim=8), Corpus(TEXTS, dim=8)
    other.batch(np.arange(len(TEXTS))[::-1].copy())
    assert all(one.ids(row).tolist() == other.ids(row).tolist() for row in range(len(TEXTS)))


def test_padded_rows() -> None:
    ids, mask = padded([np.array([3]), np.array([4, 5])])
    assert ids.tolist() == [[3, 0, 0, 0, 0, 0, 0, 0], [4, 5, 0, 0, 0, 0, 0, 0]]
    assert mask.sum(dim=1).tolist() == [1, 2]


def test_widths_are_multiples_of_eight() -> None:
    assert [padded([np.ones(n, dtype=np.int64)])[0].shape[1] for n in (1, 8, 9, 64)] == [8, 8, 16, 64]
