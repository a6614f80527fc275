"""Pretrained encoders of the Hugging Face kind, opened by name or from a folder, and asked no more than they must be.

    checkpoint = Checkpoint.open("sentence-transformers/all-MiniLM-L6-v2")
    model = checkpoint.model()                               # torch.nn.Module, in evaluation mode
    ids = checkpoint.encode(["win cash now"], max_length=256)

What they have in common with models of other inputs is in :mod:`counterpoise.pretrained`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from counterpoise.errors import SettingsError
from counterpoise.pretrained.files import facts_of, json_of, tokenizer_files
from counterpoise.pretrained.hub import TOKENIZER_FILES
from counterpoise.pretrained.model import PretrainedModel, json_values
from counterpoise.text.tokenizer_checks import COUNT_FROM_PADDING, check_tokenizer

DEFAULT = "sentence-transformers/all-MiniLM-L6-v2"
"""Small (22 million weights), fast on a processor without GPU, and trained for sentence similarity."""

_MODULES, _POOLING = "modules.json", "1_Pooling/config.json"  # of a sentence encoder's description
_LAST_TOKEN = ("xlnet",)  # whose summary token is the last one (Yang et al. 2019, section 2.5)
_MODES = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "first",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_lasttoken": "last",
}


@dataclass(frozen=True, eq=False)
class Checkpoint(PretrainedModel):
    """An encoder's configuration and tokenizer; its weights are read when they are asked for.

    Attributes
    ----------
    name, revision, config, snapshot
        See :class:`counterpoise.pretrained.model.PretrainedModel`.
    tokenizer : transformers tokenizer
    pooling : {"mean", "first", "last", "max"}
        What the checkpoint's own description says; without one, ``"last"`` for XLNet and else ``"mean"``.
    normalized : bool
        Whether its description has pooled vectors brought to length 1.
    """

    tokenizer: Any = field(repr=False)
    pooling: str
    normalized: bool

    files: ClassVar[tuple[str, ...]] = (*TOKENIZER_FILES, _MODULES, _POOLING)

    @classmethod
    def open(cls, name: str | os.PathLike[str], revision: str | None = None) -> Checkpoint:
        """Open a checkpoint.

        Parameters
        ----------
        name : str or path
            Of the Hugging Face Hub, or of a folder that ``save_pretrained`` wrote.
        revision : str or None, default=None
            Commit, branch or tag of the Hub; None is its main branch, or what the cache on this machine has of it; see
            :mod:`counterpoise.pretrained.hub`.

        Raises
        ------
        MissingExtraError
            When ``transformers`` is not installed.
        SettingsError
            When it cannot be had, is no encoder, or has a tokenizer that is not its own, see
            :func:`counterpoise.text.tokenizer_checks.check_tokenizer`; or when name or revision is none.
        """
        config, snapshot = cls.configuration(name, revision)
        name = snapshot.name
        _check_encoder(name, config)
        transformers = cls.transformers()
        tokenizer = cls.had(name, lambda: transformers.AutoTokenizer.from_pretrained(name, **snapshot.asked))
        check_tokenizer(name, tokenizer, config)
        modules = json_of(snapshot, _MODULES) or []
        described = json_of(snapshot, _POOLING) or {}
        found = [mode for key, mode in _MODES.items() if described.get(key)]
        default = "last" if config.model_type in _LAST_TOKEN else "mean"
        return cls(
            name,
            snapshot.commit,
            json_values(config),
            snapshot,
            tokenizer,
            found[0] if len(found) == 1 else default,
            any(str(module.get("type", "")).endswith("Normalize") for module in modules),
        )

    @classmethod
    def restored(cls, state: dict[str, Any], tokenizer: bytes) -> Checkpoint:
        """Put a checkpoint together from :attr:`state` and :attr:`tokenizer_file`, without its weights."""
        transformers = cls.transformers()
        from tokenizers import Tokenizer

        inner = Tokenizer.from_str(tokenizer.decode())
        special = state["special_tokens"]
        return cls(
            state["name"],
            state["revision"],
            state["config"],
            None,
            transformers.PreTrainedTokenizerFast(tokenizer_object=inner, **special),
            state["pooling"],
            state["normalized"],
        )

    def facts(self) -> list[str]:
        """The configuration, the tokenizer, and how tokens are pooled."""
        return [
            *super().facts(),
            *facts_of(self.files_here, tokenizer_files(self.files_here, self.tokenizer)),
            f"{self.pooling} {self.normalized}",
        ]

    @property
    def state(self) -> dict[str, Any]:
        """What :meth:`restored` needs besides the tokenizer's file, JSON values."""
        special = {
            key: str(value)
            for key, value in self.tokenizer.special_tokens_map.items()
            if isinstance(value, str)
        }
        return {
            "name": self.name,
            "revision": self.revision,
            "config": self.config,
            "special_tokens": special,
            "pooling": self.pooling,
            "normalized": self.normalized,
        }

    @property
    def tokenizer_file(self) -> bytes:
        """The tokenizer as JSON, with truncation and padding off."""
        inner = self.tokenizer.backend_tokenizer
        inner.no_truncation()
        inner.no_padding()
        return inner.to_str().encode()

    def encode(self, texts: Sequence[str], max_length: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Token ids of texts, special tokens included.

        Parameters
        ----------
        texts : sequence of n str
        max_length : int
            Tokens of a text at most; the special ones at its end are kept.

        Returns
        -------
        values : ndarray of int32, shape (n_tokens,)
            Of all texts, one after the other.
        offsets : ndarray of int64, shape (n + 1,)
        """
        inner = self.tokenizer.backend_tokenizer
        inner.no_padding()
        inner.enable_truncation(min(max_length, self.longest))
        found = [encoding.ids for encoding in inner.encode_batch([str(text) for text in texts])]
        inner.no_truncation()
        # A text of signs that the tokenizer drops altogether still has to be one row of one token.
        found = [ids or [self.tokenizer.unk_token_id or 0] for ids in found]
        offsets = np.concatenate([[0], np.cumsum([len(ids) for ids in found], dtype=np.int64)])
        values = np.fromiter((i for ids in found for i in ids), dtype=np.int32, count=int(offsets[-1]))
        return values, offsets

    @property
    def longest(self) -> int:
        """Tokens that its positions reach; very many where they are relative."""
        positions = self.config.get("max_position_embeddings") or -1
        offset = 2 if self.config.get("model_type") in COUNT_FROM_PADDING else 0
        return positions - offset if positions > 0 else 1 << 20


def _check_encoder(name: str, config: Any) -> None:
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    kind = config.model_type
    reads_both_ways = kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES or kind in _LAST_TOKEN
    if not reads_both_ways or config.is_encoder_decoder or getattr(config, "is_decoder", False):
        raise SettingsError(
            f"{name} is a model of kind {kind!r} and no encoder of texts; choose one such as BERT, RoBERTa, DeBERTa, "
            "XLNet or a sentence encoder"
        )
