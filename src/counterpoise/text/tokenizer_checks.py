"""Whether the tokenizer of a pretrained encoder belongs to its network, as far as their files tell."""

from __future__ import annotations

from typing import Any

from counterpoise.errors import SettingsError

COUNT_FROM_PADDING = frozenset(
    {
        "camembert",
        "data2vec-text",
        "esm",
        "ibert",
        "longformer",
        "luke",
        "mpnet",
        "roberta",
        "roberta-prelayernorm",
        "xlm-roberta",
        "xlm-roberta-xl",
        "xmod",
    }
)
"""Kinds whose positions are counted from the padding's number on, and over whatever is no padding."""

_SPECIAL = ("pad", "cls", "sep", "bos", "eos")


def check_tokenizer(name: str, tokenizer: Any, config: Any) -> None:
    """Refuse a tokenizer that cannot be the network's.

    Parameters
    ----------
    name : str
        Of the encoder, for messages.
    tokenizer : transformers tokenizer
    config : transformers configuration

    Raises
    ------
    SettingsError
        When it is not fast, has no words, more of them than the network, or less than half as many; or when a special
        token has another number than the configuration gives it.
    """
    if not tokenizer.is_fast:
        raise SettingsError(f"encoder {name} has no fast tokenizer (tokenizer.json); choose another one")
    if len(tokenizer) <= len(tokenizer.all_special_ids):
        # What transformers makes up where there is no file: every word would be the unknown one.
        raise SettingsError(
            f"encoder {name} has a tokenizer without words; give a folder that has its tokenizer.json too, as "
            "save_pretrained of tokenizer and model writes it"
        )
    words = int(config.vocab_size)
    # Vocabularies are filled up to round numbers, by some hundred at the most, and a few have rows for words to come;
    # no network was trained on a tokenizer that leaves more than half of its rows as they were drawn.
    if not words / 2 <= len(tokenizer) <= words:
        raise SettingsError(
            f"the tokenizer of encoder {name} knows {len(tokenizer):,} tokens and its network {words:,}; they do not "
            "belong together, so give it the tokenizer that it was trained with"
        )
    _check_special(name, tokenizer, config)


def _check_special(name: str, tokenizer: Any, config: Any) -> None:
    """Refuse special tokens that have other numbers in the configuration.

    A number that is only the default of the network's kind tells nothing, unless positions are counted from it: the
    multilingual E5 and MiniLM, say, are BERT with its 0 for the padding, and have the tokenizer of XLM-R, whose is 1.
    """
    usual = type(config)()
    for kind in _SPECIAL:
        key = f"{kind}_token_id"
        told, own = getattr(config, key, None), getattr(tokenizer, key, None)
        if told is None or own is None or own in (told if isinstance(told, list) else [told]):
            continue
        counted = kind == "pad" and config.model_type in COUNT_FROM_PADDING
        if counted or told != getattr(usual, key, None):
            raise SettingsError(
                f"the tokenizer of encoder {name} has the number {own} for {kind}_token and config.json of its network "
                f"{told}; they do not belong together, so give it the tokenizer that it was trained with"
            )
