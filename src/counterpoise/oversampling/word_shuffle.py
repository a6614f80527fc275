"""Word shuffle: some pairs of words of a minority copy change places.

Random swap of EDA (Wei and Zou 2019, section 2; see :mod:`counterpoise.oversampling.word_edit`). A classifier that
counts words sees a plain copy; one that reads their order learns to rely on it less, which hurts where order is the
class.

>>> sampler = WordShuffle(rate=0.5, random_state=0)
>>> X, y = sampler.fit_resample(["win a cash prize now", "see you at home", "hi"], ["spam", "ham", "ham"])
>>> X[3]
'win cash now prize a'
"""

from __future__ import annotations

import numpy as np

from counterpoise.oversampling.anchors import Anchor
from counterpoise.oversampling.base import words_of_share
from counterpoise.oversampling.word_edit import WordEdit
from counterpoise.text.edited import join_edited
from counterpoise.text.tokenizers import words_and_gaps


class WordShuffle(WordEdit):
    """Over-sample by copies in which words have changed places.

    Parameters
    ----------
    rate : float, default=0.1
        Swaps of two words, as a share of the copy's words, rounded; at least one swap in a text of two or more
        (EDA's alpha). The default is that of its authors' code; others were not compared here.
    sampling_strategy : float, str, dict or callable, default="auto"
        See :class:`counterpoise.oversampling.base.TextSampler`.
    random_state : int, RandomState, Generator or None, default=None

    Raises
    ------
    SettingsError
        From ``fit_resample``, if ``rate`` is not in (0, 1).

    Notes
    -----
    Each swap draws two different places anew, so a later one may undo an earlier one. What stands between words stays
    where it is; punctuation goes with the word that it is written to. A text of one word is copied.
    """

    def _edit(self, text: str, row: int, rng: np.random.Generator) -> Anchor:
        words, gaps = words_and_gaps(text)
        swaps = words_of_share(self.rate, len(words)) if len(words) > 1 else 0
        for _ in range(swaps):
            one, two = rng.choice(len(words), 2, replace=False)
            words[one], words[two] = words[two], words[one]
        return Anchor(join_edited(words, gaps), row, kept=tuple(words))
