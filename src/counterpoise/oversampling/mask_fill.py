"""Mask fill: some words of a minority copy are hidden, and a masked language model fills others in.

The model has read far more than the data at hand, so its words fit their places better than those of
:class:`counterpoise.oversampling.word_replacement.WordReplacement`; it does not know the class, and may write words of
another one. Kobayashi, "Contextual Augmentation: Data Augmentation by Words with Paradigmatic Relations", NAACL 2018,
does so with a language model of both directions, and Wu et al., "Conditional BERT Contextual Augmentation", ICCS 2019
(arXiv 1812.06705), with BERT; what these do to make the model know the class is left out.

    sampler = MaskFill(model="bert-base-uncased", random_state=0)       # or a local folder
    texts_balanced, labels_balanced = sampler.fit_resample(texts, labels)
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch

from counterpoise.errors import SettingsError
from counterpoise.oversampling.anchors import Anchor
from counterpoise.oversampling.base import check_count, check_proper_share, draw_sources, words_of_share
from counterpoise.oversampling.device import sampler_device
from counterpoise.oversampling.masked_model import WHAT, MaskedModel, masked_snapshot
from counterpoise.oversampling.text_edit import TextEdit
from counterpoise.pretrained.files import (
    check_source,
    digest_of,
    digest_of_facts,
    facts_of,
    transformers_package,
    weight_files,
)
from counterpoise.pretrained.hub import CONFIG, TOKENIZER_FILES
from counterpoise.search_space import Range, Space
from counterpoise.seeding import RandomState
from counterpoise.text.edited import dressed, join_edited, undressed
from counterpoise.text.tokenizers import join_words, words_and_gaps


class MaskFill(TextEdit):
    """Over-sample by copies in which a masked language model has replaced words.

    Parameters
    ----------
    model : str or path or None, default=None
        Name on the Hugging Face Hub, or local folder, of any masked language model that ``transformers`` loads from
        safetensors without code of its own. There is no default, since which one is right depends on the language.
    revision : str or None, default=None
        Commit, branch or tag of the Hub.
    rate : float, default=0.15
        Share of each copy's words that is hidden, rounded; at least one word of a text of two or more. The default is
        the share that BERT was trained to fill in (Devlin et al., NAACL 2019, section 3.1).
    temperature : float, default=1.0
        What the model's logits are divided by: below 1 it repeats itself, above it rambles. 1 takes it at its word.
    top_k : int, default=10
        Most likely words that one is drawn from, the one that was hidden not among them. Few, so that each fits its
        place; other numbers were not compared.
    batch_size : int, default=16
        Texts in one pass through the model. Memory grows with it, with their length and with the vocabulary; what is
        drawn does not depend on it.
    device : str, default="auto"
        Where the model is: ``"cpu"``, ``"cuda"``, ``"mps"``; ``"auto"`` takes CUDA where it is. What is drawn at random
        is the same everywhere, arithmetic is not to the last bit.
    sampling_strategy : float, str, dict or callable, default="auto"
        See :class:`counterpoise.oversampling.base.TextSampler`.
    random_state : int, RandomState, Generator or None, default=None

    Raises
    ------
    SettingsError
        From ``fit_resample``, for no model, a folder that is not there, and settings out of range; before any text is
        written, when the model cannot be loaded or is no masked language model.
    MissingExtraError
        When ``transformers`` is not installed.

    Notes
    -----
    All words of a copy are filled in at once, whole words of the model's vocabulary only; a new one takes over capitals
    and punctuation. Of a text longer than the model reads, only the beginning is changed. Punctuation that stands
    alone stays, and a text of one word is copied while ``rate`` is below a half.
    """

    needs = "extra encoders, a model"
    search_space: ClassVar[Space] = {"rate": Range(0.05, 0.5)}

    _model: MaskedModel | None = None

    def __init__(
        self,
        *,
        model: str | os.PathLike[str] | None = None,
        revision: str | None = None,
        rate: float = 0.15,
        temperature: float = 1.0,
        top_k: int = 10,
        batch_size: int = 16,
        device: str = "auto",
        sampling_strategy: Any = "auto",
        random_state: RandomState = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)
        self.model = model
        self.revision = revision
        self.rate = rate
        self.temperature = temperature
        self.top_k = top_k
        self.batch_size = batch_size
        self.device = device

    def check(self) -> None:
        """Refuse settings out of range, and what can be seen to be no model without loading it."""
        check_proper_share("rate", self.rate)
        if not (isinstance(self.temperature, Real) and 0 < float(self.temperature) < np.inf):
            raise SettingsError(f"temperature is {self.temperature!r}; give a number above 0")
        for name in ("top_k", "batch_size"):
            check_count(name, getattr(self, name))
        sampler_device(self.device)
        self._check_model()
        # Looked for and not imported, which would take seconds.
        if find_spec("transformers") is None:
            transformers_package("masked language models")

    def identity(self) -> str:
        """Hash of the model's files, with the version of what computes with them."""
        version = transformers_package("masked language models").__version__
        snapshot = masked_snapshot(str(self.model), self.revision)
        facts = facts_of(snapshot, (CONFIG, *TOKENIZER_FILES))
        return (
            f"{digest_of(weight_files(snapshot, WHAT, ''))} {digest_of_facts(facts)} transformers {version}"
        )

    def _check_model(self) -> None:
        where = "the name of a masked language model on the Hugging Face Hub, or a local folder with one"
        if not isinstance(self.model, str | os.PathLike) or not str(self.model):
            raise SettingsError(f"model is {self.model!r}; give {where}")
        name = str(self.model)
        if (os.path.isabs(name) or name.startswith((".", "~"))) and not os.path.isdir(name):
            raise SettingsError(f"model is {name!r}, and there is no such folder; give {where}")
        check_source(name, self.revision, WHAT)

    def _begin(self, texts: np.ndarray, labels: np.ndarray, seed: int) -> None:
        self._model = MaskedModel.load(str(self.model), sampler_device(self.device), self.revision)

    def _end(self) -> None:
        self._model = None

    def _make(
        self, texts: np.ndarray, labels: np.ndarray, label: Any, count: int, rng: np.random.Generator
    ) -> list[Anchor]:
        model = self._model
        assert model is not None  # _begin has loaded it
        sources = draw_sources(np.flatnonzero(labels == label), count, rng)
        places = [self._places(texts[row], model, rng) for row in sources]
        noise = torch.Generator().manual_seed(int(rng.integers(2**62)))
        prompts, hidden, levels = [], [], []
        for row, chosen in zip(sources, places, strict=True):
            words, gaps = words_and_gaps(texts[row])
            hidden.append([undressed(words[place])[1] for place in chosen])
            levels.append(torch.rand(len(chosen), generator=noise, dtype=torch.float64).tolist())
            prompts.append(join_words(_masked(words, chosen, model), gaps))
        filled = model.fill(
            prompts,
            hidden,
            levels,
            temperature=self.temperature,
            top_k=self.top_k,
            batch_size=self.batch_size,
        )
        return [
            _anchor(texts[row], int(row), chosen, new)
            for row, chosen, new in zip(sources, places, filled, strict=True)
        ]

    def _places(self, text: str, model: MaskedModel, rng: np.random.Generator) -> list[int]:
        """Where words are to be hidden, in order."""
        words = words_and_gaps(text)[0][: model.longest]
        known = [place for place, word in enumerate(words) if undressed(word)[1]]
        n = min(words_of_share(self.rate, len(words)), len(known))
        return sorted(rng.choice(known, n, replace=False).tolist()) if n else []


def _masked(words: list[str], places: list[int], model: MaskedModel) -> list[str]:
    """Words with some of them hidden; where a text itself has the mark of hidden words, it is another's."""
    shown = [word.replace(model.mask, model.unknown) for word in words]
    for place in places:
        before, _, after = undressed(words[place])
        shown[place] = f"{before}{model.mask}{after}"
    return shown


def _anchor(text: str, row: int, places: list[int], new: list[str]) -> Anchor:
    words, gaps = words_and_gaps(text)
    # Fewer where the model's reading ended before the last hidden word.
    for place, word in zip(places, new, strict=False):
        words[place] = dressed(word, like=words[place])
    changed = places[: len(new)]
    kept = tuple(word for place, word in enumerate(words) if place not in changed)
    return Anchor(join_edited(words, gaps), row, kept=kept, injected=tuple(words[place] for place in changed))
