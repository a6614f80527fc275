"""A masked language model of Hugging Face that fills words into texts, from which whole words alone are taken.

model = MaskedModel.load("bert-base-uncased", torch.device("cpu"))
model.fill([f"win a {model.mask} prize"], [["cash"]], [[0.3]])       # [["big"]], say
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from counterpoise.errors import SettingsError
from counterpoise.pretrained.files import had, silent, snapshot_of, transformers_package, weight_files
from counterpoise.pretrained.hub import TOKENIZER_FILES, Snapshot
from counterpoise.progress import bar
from counterpoise.text.tokenizers import words_and_gaps

WHAT = "masked language model"
"""What messages call it."""

_DECODED_AT_ONCE = 10_000


class MaskedModel:
    """A masked language model and its tokenizer.

    Parameters
    ----------
    name : str
        For messages.
    model : transformers.PreTrainedModel
        That gives logits of its vocabulary at each token.
    tokenizer : transformers.PreTrainedTokenizerBase
    device : torch.device

    Attributes
    ----------
    mask, unknown : str
        How a hidden and an unknown word are written.
    longest : int
        Tokens the model reads of a text.

    Raises
    ------
    SettingsError
        If the tokenizer knows no mask, or fewer than two whole words.
    """

    def __init__(self, name: str, model: Any, tokenizer: Any, device: torch.device) -> None:
        if tokenizer.mask_token_id is None or tokenizer.pad_token_id is None:
            raise SettingsError(f"{name} has no token for hidden words; choose a masked language model")
        self._model, self._tokenizer, self._device = model.eval().to(device), tokenizer, device
        self.mask, self.unknown = tokenizer.mask_token, tokenizer.unk_token or ""
        # Where the tokenizer gives no limit; two positions are padding's in some families.
        positions = getattr(model.config, "max_position_embeddings", 0) - 2
        self.longest = int(min(tokenizer.model_max_length, positions if positions > 0 else np.inf, 2**20))
        words = {number: word for number, word in whole_words(tokenizer) if number < model.config.vocab_size}
        if len(words) < 2:
            raise SettingsError(
                f"the tokenizer of {name} has {len(words)} whole words, and two at least are needed to fill "
                "one in for another; choose a model of words or word pieces"
            )
        self._words = list(words.values())
        self._numbers = torch.tensor(list(words), device=device)
        self._columns: dict[str, list[int]] = {}
        for column, word in enumerate(self._words):
            self._columns.setdefault(word.lower(), []).append(column)

    @classmethod
    def load(cls, name: str, device: torch.device, revision: str | None = None) -> MaskedModel:
        """Load a model, in float32, from safetensors alone and without code of its own.

        Parameters
        ----------
        name : str
            On the Hugging Face Hub, or a local folder.
        device : torch.device
        revision : str or None, default=None
            Commit, branch or tag of the Hub.

        Raises
        ------
        MissingExtraError
            When ``transformers`` is not installed.
        SettingsError
            When there is no such model, or it is no masked language model.
        """
        transformers = transformers_package("masked language models")
        snapshot = masked_snapshot(name, revision)
        asked = snapshot.asked
        # Before weights are fetched.
        _check_masked(name, _had(name, lambda: transformers.AutoConfig.from_pretrained(name, **asked)))
        weight_files(snapshot, WHAT, "")
        with silent(transformers):
            model, loaded = _had(
                name,
                lambda: transformers.AutoModelForMaskedLM.from_pretrained(
                    str(snapshot.folder),
                    use_safetensors=True,
                    output_loading_info=True,
                    dtype=torch.float32,
                    **asked,
                ),
            )
        tokenizer = _had(name, lambda: transformers.AutoTokenizer.from_pretrained(name, **asked))
        if loaded["missing_keys"]:
            first = min(loaded["missing_keys"])
            raise SettingsError(
                f"{name} has no weights to fill words in ({first} is missing); choose a model trained to do so"
            )
        return cls(name, model, tokenizer, device)

    def fill(
        self,
        texts: Sequence[str],
        hidden: Sequence[Sequence[str]],
        uniform: Sequence[Sequence[float]],
        *,
        temperature: float = 1.0,
        top_k: int = 10,
        batch_size: int = 16,
    ) -> list[list[str]]:
        """Fill words in, all those of a text at once.

        Parameters
        ----------
        texts : sequence of str
            With :attr:`mask` for each hidden word.
        hidden : sequence of sequence of str
            The words hidden in each text, in their order; none of them comes back to its place.
        uniform : sequence of sequence of float
            For each hidden word a number in [0, 1) that decides which of the likely words comes. Given, and not drawn
            here, so that the same come whatever the batches and the device are.
        temperature : float, default=1.0
            What logits are divided by.
        top_k : int, default=10
            Most likely words that are drawn from.
        batch_size : int, default=16
            Texts in one pass through the model.

        Returns
        -------
        list of list of str
            For each text the words that were filled in, in order; fewer than were hidden where the model reads no
            further.
        """
        found: list[list[str]] = [[] for _ in texts]
        order = np.argsort([len(text) for text in texts], kind="stable")
        with bar("words filled in", len(texts)) as progress:
            for start in range(0, len(order), batch_size):
                rows = order[start : start + batch_size].tolist()
                of, logits = self._logits([texts[row] for row in rows])
                at, levels, met = [rows[i] for i in of], [], Counter[int]()
                for number, row in enumerate(at):
                    logits[number, self._columns.get(hidden[row][met[row]], [])] = -torch.inf
                    levels.append(uniform[row][met[row]])
                    met[row] += 1
                for row, column in zip(at, _drawn(logits, levels, temperature, top_k), strict=True):
                    found[row].append(self._words[column])
                progress.advance(len(rows))
        return found

    def _logits(self, texts: list[str]) -> tuple[list[int], torch.Tensor]:
        """For each hidden word that is read the number of its text, and logits of all whole words."""
        encoded = self._tokenizer(
            texts, padding=True, truncation=True, max_length=self.longest, return_tensors="pt"
        ).to(self._device)
        rows, places = (encoded["input_ids"] == self._tokenizer.mask_token_id).nonzero(as_tuple=True)
        with torch.inference_mode():
            logits = self._model(**encoded).logits[rows, places][:, self._numbers]
        return rows.tolist(), logits.clone()


def masked_snapshot(name: str, revision: str | None) -> Snapshot:
    """Where the files of a masked language model are; see :func:`counterpoise.pretrained.files.snapshot_of`."""
    return snapshot_of(name, revision, TOKENIZER_FILES, WHAT, "")


def whole_words(tokenizer: Any) -> Iterator[tuple[int, str]]:
    """Words of a tokenizer's vocabulary that can stand alone, with their numbers.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerBase

    Yields
    ------
    number : int
    word : str
        One word with a letter or a digit, and nothing but such, that the tokenizer reads back as that number; so
        pieces that continue a word are left out, however a tokenizer marks them.
    """
    numbers = sorted(set(range(len(tokenizer))) - set(tokenizer.all_special_ids))
    for start in range(0, len(numbers), _DECODED_AT_ONCE):
        part = numbers[start : start + _DECODED_AT_ONCE]
        words = [word.strip() for word in tokenizer.batch_decode([[number] for number in part])]
        # After a space, since tokenizers that mark the beginnings of words mark them there.
        read = tokenizer([f" {word}" for word in words], add_special_tokens=False)["input_ids"]
        for number, word, numbers_read in zip(part, words, read, strict=True):
            if numbers_read == [number] and word.isalnum() and words_and_gaps(word)[0] == [word]:
                yield number, word


def _drawn(logits: torch.Tensor, uniform: list[float], temperature: float, top_k: int) -> list[int]:
    """Columns drawn from the most likely ones, by where a number falls among their summed shares."""
    likely, columns = logits.topk(min(top_k, logits.shape[1]))
    shares = torch.softmax(likely.double().cpu() / temperature, dim=1)
    levels = torch.tensor(uniform, dtype=torch.float64)[:, None]
    chosen = (shares.cumsum(dim=1) <= levels).sum(dim=1).clamp(max=shares.shape[1] - 1)
    return columns.cpu().gather(1, chosen[:, None])[:, 0].tolist()


def _check_masked(name: str, config: Any) -> None:
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    if config.model_type not in MODEL_FOR_MASKED_LM_MAPPING_NAMES:
        raise SettingsError(
            f"{name} is a model of kind {config.model_type!r} and fills no words in; choose a masked language model "
            "such as BERT, RoBERTa or DeBERTa"
        )


def _had(name: str, load: Callable[[], Any]) -> Any:
    return had(name, load, WHAT, "")
