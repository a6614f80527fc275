"""Any encoder of the Hugging Face kind as a backbone: frozen, a vector for each text, or trained with the rest.

Frozen it is asked for each text once (:mod:`counterpoise.text.features`), and what trains is a head over standardised
features, in seconds. Trained, the token representations of its last layer are pooled as the checkpoint says, and
classes are told by our head in place of its own.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from counterpoise.backbones.base import Backbone, Batch
from counterpoise.backbones.frozen_features import FrozenFeatures
from counterpoise.backbones.layer_mixing import layer_at, mixed_above, set_right
from counterpoise.backbones.pretrained_inputs import PretrainedInputs
from counterpoise.backbones.pretrained_layers import (
    DROPOUT,
    TRAINED_RATE,
    WARMUP,
    checkpoint_gradients,
    decayed_rates,
    layers_of,
)
from counterpoise.errors import MissingExtraError, SettingsError
from counterpoise.mixing.pairs import Pairs
from counterpoise.pretrained.model import without_pooler
from counterpoise.pretrained.pooling import POOLINGS, pooled
from counterpoise.text.batching import Ragged, pieces_by_length
from counterpoise.text.checkpoints import DEFAULT, Checkpoint
from counterpoise.text.frozen import FrozenEncoder

# On a CPU a pass over more tokens at once leaves the caches: 64 texts of 182 tokens take the all-MiniLM-L6-v2 model
# 1.5 times as long at once as 11 by 11.
_PIECE = 2_048


class Trained(NamedTuple):
    """An encoder that is to be trained.

    Attributes
    ----------
    checkpoint : Checkpoint
    weights : bool
        False leaves them to a state dict.
    pooling : str
        See :func:`counterpoise.pretrained.pooling.pooled`.
    """

    checkpoint: Checkpoint
    weights: bool
    pooling: str


class PretrainedTexts(PretrainedInputs[Checkpoint]):
    """Texts as a pretrained encoder wants them: vectors of a frozen one, token ids for one that is trained.

    Parameters
    ----------
    name : str, default="sentence-transformers/all-MiniLM-L6-v2"
        Of the Hugging Face Hub, or a folder. The default is small enough for a processor without GPU.
    revision : str or None, default=None
        Commit, branch or tag of the Hub; a saved model has the commit that was found.
    frozen : bool, default=True
        Whether the encoder stays as it is. Some dozen texts of a rare class bend 22 million weights towards themselves;
        and a frozen encoder reads each text once, however many methods and folds are tried.
    max_length : int, default=256
        Tokens read of each text, or fewer where the encoder's positions end.
    pooling : {"mean", "first", "last", "max"} or None, default=None
        None does as the checkpoint's description says, or takes the mean; XLNet's summary token is the last one.
    cache : bool, default=True
        Whether vectors of a frozen encoder are kept on the disk for the next time.

    Raises
    ------
    SettingsError
        For an unknown pooling.
    """

    an = "an encoder"
    trained_only: ClassVar[dict[str, Any]] = {
        "layer_decay": 1.0,
        "gradient_checkpointing": False,
        "lora": None,
    }
    own = ("name", "max_length", "pooling", "cache")

    def __init__(
        self,
        *,
        name: str = DEFAULT,
        revision: str | None = None,
        frozen: bool = True,
        max_length: int = 256,
        pooling: str | None = None,
        cache: bool = True,
    ) -> None:
        if pooling not in (None, *POOLINGS):
            raise SettingsError(f"pooling is {pooling!r}; choose from {', '.join(POOLINGS)}")
        self.name, self.revision, self.max_length = name, revision, max_length
        self.pooling, self.cache = pooling, cache
        super().__init__(
            FrozenEncoder(name, revision, max_length=max_length, pooling=pooling, cache=cache), frozen
        )

    @property
    def to_train(self) -> Trained:
        """The encoder that is to be trained."""
        return Trained(self.checkpoint, self._saved is None, self.pooling or self.checkpoint.pooling)

    def served(self, inputs: np.ndarray, device: torch.device | None) -> Ragged:
        """Token ids."""
        return Ragged(*self.checkpoint.encode(list(inputs), self.max_length), device)

    def checkpoint_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What the checkpoint says of itself, and its tokenizer."""
        tokenizer = np.frombuffer(self.checkpoint.tokenizer_file, dtype=np.uint8)
        return self.checkpoint.state, {"tokenizer": tokenizer}

    @classmethod
    def restored_checkpoint(cls, saved: dict[str, Any], tensors: dict[str, np.ndarray]) -> Checkpoint:
        """The inverse of :meth:`checkpoint_state`."""
        return Checkpoint.restored(saved, tensors["tokenizer"].tobytes())

    @classmethod
    def open(cls, settings: dict[str, Any]) -> Checkpoint:
        """Open the encoder that settings name."""
        return Checkpoint.open(settings.get("name", DEFAULT), settings.get("revision"))

    @classmethod
    def check(cls, settings: dict[str, Any]) -> None:
        """Refuse, before any work, settings that do not go together, and an encoder that cannot be had.

        Raises
        ------
        MissingExtraError, SettingsError
        """
        cls.check_settings(settings)
        rank = settings.get("lora")
        if rank is not None and (not isinstance(rank, Integral) or isinstance(rank, bool) or rank < 1):
            raise SettingsError(f"lora is {rank!r}; give its rank, an int of 1 or more, or None")
        if rank is not None:
            _peft()
        cls.open(settings)


class Transformer(Backbone):
    """A pretrained encoder, all of it trained, or low-rank additions to it.

    Parameters
    ----------
    spec : Trained
    layer_decay : float
        Learning rate of each layer over that of the layer above it (Howard and Ruder 2018, section 3.2: 1 / 2.6; Sun et
        al. 2019, arXiv 1905.05583, section 5.4.3: .95 for BERT).
    gradient_checkpointing : bool
        Compute representations anew on the way back, for a fraction of the memory and a third more time.
    lora : int or None
        Rank of additions to all linear layers (Hu et al. 2022, section 4.1), which are then all that is trained.
    """

    inputs = "text"
    gains_by_bfloat16 = True
    dropout: ClassVar[float] = DROPOUT
    learning_rate: ClassVar[float] = TRAINED_RATE
    warmup: ClassVar[float] = WARMUP

    def __init__(
        self,
        spec: Trained,
        layer_decay: float,
        gradient_checkpointing: bool,
        lora: int | None,
    ) -> None:
        super().__init__()
        model: Any = without_pooler(spec.checkpoint.model(weights=spec.weights))
        if gradient_checkpointing:
            model.config.use_cache = False
            checkpoint_gradients(model)
        if lora is not None:
            peft = _peft()
            model.requires_grad_(False)
            adapters = peft.LoraConfig(r=lora, lora_alpha=2 * lora, target_modules="all-linear")
            model = peft.inject_adapter_in_model(adapters, model)
        self.model = model
        self.pooling, self.layer_decay = spec.pooling, layer_decay
        self.dim = int(model.config.hidden_size)

    def tokens(self, batch: Batch) -> Tensor:
        """Representations of the last layer, ``(B, T, d)``."""
        ids = batch.inputs.long()
        mask = torch.ones_like(ids) if batch.mask is None else batch.mask.long()
        return self.model(input_ids=ids, attention_mask=mask).last_hidden_state

    def forward(self, batch: Batch) -> Tensor:
        """Pooled representations ``(B, d)``, on a CPU in pieces of texts of like length, which need little padding."""
        if batch.inputs.device.type != "cpu":
            return super().forward(batch)
        n, longest = batch.inputs.shape
        lengths = np.full(n, longest) if batch.mask is None else batch.mask.sum(dim=1).numpy()
        pieces = pieces_by_length(lengths, _PIECE)
        if len(pieces) == 1:  # in the given order, so that dropout falls as it does in other methods' passes
            return super().forward(batch)
        outputs = []
        for rows in pieces:
            width = lengths[rows[-1]]
            mask = None if batch.mask is None else batch.mask[rows, :width]
            outputs.append(super().forward(batch._replace(inputs=batch.inputs[rows, :width], mask=mask)))
        back = np.argsort(np.concatenate(pieces))
        return torch.cat(outputs)[torch.from_numpy(back)]

    def pool(self, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """Pooled as the checkpoint wants it, ``(B, d)``."""
        return pooled(tokens, mask, self.pooling)

    def check_mixing(self, depth: float = 0.0) -> None:
        """Refuse an encoder that goes through one layer again and again, as ALBERT does."""
        config = self.model.config
        if len(self.layers) != config.num_hidden_layers:
            raise SettingsError(
                f"texts cannot be mixed between the layers of a trained encoder of kind {config.model_type!r}, which "
                "has one layer in all places; choose another encoder, or freeze this one"
            )

    def mixed(self, batch: Batch, pairs: Pairs, depth: float = 0.0) -> Tensor:
        """Pooled representations ``(B, d)`` of texts mixed between two layers; see :meth:`Backbone.mixed`.

        Both texts of a pair go through the lower layers in the same pass, each once and under its own mask; above,
        attention reaches what is a token in either. Where one text has ended, its own state at that padding is mixed.
        """
        self.check_mixing()
        layers = self.layers
        at = layer_at(depth, len(layers))
        if self.pooling == "last":
            batch = set_right(batch)  # or the summaries of two texts would not meet
        with mixed_above(layers, at, pairs, batch.mask, rows_first=self.model.config.model_type != "xlnet"):
            tokens = self.tokens(batch)
        if at == len(layers):
            tokens = pairs.states(tokens)
        return tokens[:, -1] if self.pooling == "last" else self.pool(tokens, pairs.mask(batch.mask))

    @property
    def layers(self) -> nn.ModuleList:
        """Its transformer blocks, the lowest first."""
        return layers_of(self.model)

    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        """Parameters with their learning rates, lower from layer to layer down."""
        embeddings = [module for module in self.model.modules() if isinstance(module, nn.Embedding)]
        lowest = [p for module in embeddings for p in module.parameters()]
        return decayed_rates(self.parameters(), self.layers, lowest, rate, self.layer_decay)


def pretrained_network(
    spec: int | Trained,
    *,
    layer_decay: float = 1.0,
    gradient_checkpointing: bool = False,
    lora: int | None = None,
) -> Backbone:
    """Make the network over :class:`PretrainedTexts`.

    Parameters
    ----------
    spec
        Their ``input_spec``.
    layer_decay : float, default=1.0
        See :class:`Transformer`, as for the others. 1 trains all layers alike.
    gradient_checkpointing : bool, default=False
    lora : int or None, default=None

    """
    if isinstance(spec, int):
        return FrozenFeatures(spec)
    return Transformer(spec, layer_decay, gradient_checkpointing, lora)


def _peft() -> Any:
    try:
        import peft
    except ImportError as error:
        raise MissingExtraError(
            'lora needs peft; install it with pip install "counterpoise[lora]"'
        ) from error
    return peft
