"""A causal language model whose weights are set by hand: it writes on, and names the class of, what it has read.

All words of a prompt are looked at alike. What is likely to follow are filler words, and the more words of a class have
been read, the likelier are these and the name of the class.
"""

from __future__ import annotations

import atexit
import math
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import torch

SPECIAL = ["<pad>", "<unk>", "<end>"]
FRAME = [*"\"':.,", "Text", "Class", "class", "Each", "text", "is", "of", "one", "these", "classes"]
CLASSES = {str(i): tuple(f"sign{i}{letter}" for letter in "abc") for i in range(24)}
FILLER = tuple(f"word{i}" for i in range(60))
SIZE = 32  # dimensions: one says that there is a word, and one a class which


def save_causal_model(
    folder: str | Path,
    classes: dict[str, tuple[str, ...]] = CLASSES,
    filler: tuple[str, ...] = FILLER,
    *,
    chat_template: str | None = None,
    positions: int = 2048,
) -> str:
    """Make a model of some classes, each with words of its own, and save it with its tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM

    own = [word for words in classes.values() for word in words]
    vocabulary = list(dict.fromkeys([*SPECIAL, *FRAME, *classes, *own, *filler]))
    number = {word: i for i, word in enumerate(vocabulary)}
    tokenizer = _tokenizer(number)
    if chat_template is not None:
        tokenizer.chat_template = chat_template
    tokenizer.save_pretrained(folder)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(vocabulary),
            hidden_size=SIZE,
            intermediate_size=4,
            num_hidden_layers=1,
            num_attention_heads=1,
            max_position_embeddings=positions,
            pad_token_id=0,
            eos_token_id=2,
            bos_token_id=None,
        )
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.fill_(1.0)
        layer = model.model.layers[0].self_attn
        layer.v_proj.weight.copy_(torch.eye(SIZE))
        layer.o_proj.weight.copy_(10 * torch.eye(SIZE))
        read, said = model.model.embed_tokens.weight, model.lm_head.weight
        read[:, 0] = 1.0
        said[:, 0] = -20 / math.sqrt(SIZE)
        for word in filler:
            said[number[word], 0] = 0.0
        said[number["<end>"], 0] = 1 / math.sqrt(SIZE)
        for place, (name, words) in enumerate(classes.items(), 1):
            said[number[name], 0], said[number[name], place] = -6 / math.sqrt(SIZE), 10.0
            for word in words:
                read[number[word], place] = 1.0
                said[number[word], 0], said[number[word], place] = -3 / math.sqrt(SIZE), 14.0
    model.save_pretrained(folder)
    return str(folder)


@cache
def causal_model() -> str:
    """Folder of the model of :data:`CLASSES`, made once a process; gone when it ends."""
    return save_causal_model(_folder())


@cache
def _folder() -> str:
    folder = tempfile.mkdtemp(prefix="tiny-causal-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def give_default_writer() -> None:
    """Let whatever asks a language model have one wherever a test does not name it, made when it is first opened."""
    from counterpoise.methods.llm_zero_shot import LLMZeroShot
    from counterpoise.oversampling.llm_oversample import LanguageModelWriter
    from counterpoise.text.language_models import ModelSource

    LanguageModelWriter.__init__.__kwdefaults__ |= {"model": _folder(), "max_tokens": 8}
    LLMZeroShot.__init__.__kwdefaults__["model"] = _folder()
    opened = ModelSource.open

    def open_made(self: ModelSource, device: torch.device) -> Any:
        if str(self.model) == _folder():
            causal_model()
        return opened(self, device)

    ModelSource.open = open_made  # type: ignore[method-assign]


def _tokenizer(number: dict[str, int]) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.WordLevel(number, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", unk_token="<unk>", eos_token="<end>"
    )
