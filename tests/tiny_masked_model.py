"""A masked language model of a hundred words with random weights, and mask_fill with it as its default."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

WORDS = [
    *(f"word{i}" for i in range(60)),
    *("win", "cash", "prize", "free", "home", "you", "see", "##ing", "a", "the", "now"),
    *"今天免费领奖手机",
]
"""Those of :func:`tiny_texts.make_texts` that give no class away, and a few in two languages."""


def make_tokenizer(words: list[str] = WORDS, **settings: Any) -> Any:
    """A tokenizer of BERT's kind with these words."""
    from transformers import BertTokenizer

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"!?.,[]"]
    return BertTokenizer(vocab={word: i for i, word in enumerate([*special, *words])}, **settings)


def make_config(vocab_size: int, **settings: Any) -> Any:
    """A BERT of one layer."""
    from transformers import BertConfig

    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    return BertConfig(vocab_size=vocab_size, **{**sizes, "max_position_embeddings": 64, **settings})


def save_model(folder: str | Path, words: list[str] = WORDS, **settings: Any) -> str:
    """Make a model, the same each time, and save it with its tokenizer."""
    from transformers import BertForMaskedLM

    tokenizer = make_tokenizer(words)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = BertForMaskedLM(make_config(len(tokenizer), initializer_range=0.5, **settings))
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return str(folder)


def give_default_model() -> None:
    """Let mask_fill have a model wherever a test does not name one; its own process keeps None.

    The folder is filled when it is first read: importing transformers takes seconds, which most tests need not wait.
    """
    from counterpoise.oversampling.mask_fill import MaskedModel, MaskFill

    folder = _KEPT.name
    MaskFill.__init__.__kwdefaults__["model"] = folder
    load = MaskedModel.load

    def load_made(name: str, device: torch.device, revision: str | None = None) -> MaskedModel:
        if name == folder and not any(Path(folder).iterdir()):
            save_model(folder)
        return load(name, device, revision)

    MaskedModel.load = load_made  # type: ignore[method-assign]


_KEPT = TemporaryDirectory(prefix="counterpoise-tests-")
