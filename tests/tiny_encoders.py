"""Pretrained encoders small enough to be made in a test: random weights, words of their own, no network."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
WORDS = [*(f"word{i}" for i in range(60)), *(f"sign{i}{c}" for i in range(24) for c in "abc")]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@cache
def tiny_encoder(kind: str = "bert", n_layers: int = 2) -> str:
    """Folder of an encoder with 16 dimensions; gone when the process ends."""
    import torch
    import transformers

    folder = Path(tempfile.mkdtemp(prefix=f"tiny-{kind}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    size = len(SPECIAL) + len(WORDS)
    make = {"bert": _bert, "roberta": _roberta, "xlnet": _xlnet}[kind]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        transformers.AutoModel.from_config(make(size, n_layers)).save_pretrained(folder)
    tokenizer(kind).save_pretrained(folder)
    return str(folder)


def stand_in(patch) -> None:
    """Let a tiny encoder be opened for the default one, which no test may fetch."""
    from counterpoise.text import checkpoints

    opened = checkpoints.Checkpoint.open

    def open_tiny(name: str, revision: str | None = None):
        return opened(tiny_encoder() if name == checkpoints.DEFAULT else name, revision)

    patch.setattr(checkpoints.Checkpoint, "open", staticmethod(open_tiny))


def tokenizer(kind: str = "bert"):
    """Whole words in lower case; the summary token stands first, or last for XLNet."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.WordLevel({w: i for i, w in enumerate([*SPECIAL, *WORDS])}, unk_token="[UNK]"))
    inner.normalizer = normalizers.Lowercase()
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    order = "$A [SEP] [CLS]" if kind == "xlnet" else "[CLS] $A [SEP]"
    inner.post_processor = processors.TemplateProcessing(
        single=order, special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, **{f"{name}_token": token for name, token in names.items()}
    )


def _bert(size: int, n_layers: int):
    from transformers import BertConfig

    return BertConfig(**_sizes(size, n_layers, 40))


def _roberta(size: int, n_layers: int):
    from transformers import RobertaConfig

    return RobertaConfig(**_sizes(size, n_layers, 42), pad_token_id=0)


def _sizes(size: int, n_layers: int, positions: int) -> dict[str, int]:
    return {
        "vocab_size": size,
        "hidden_size": 16,
        "num_hidden_layers": n_layers,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": positions,
    }


def _xlnet(size: int, n_layers: int):
    from transformers import XLNetConfig

    return XLNetConfig(vocab_size=size, d_model=16, n_layer=n_layers, n_head=2, d_inner=32)
