"""Any encoder of the Hugging Face kind as a backbone: frozen, a vector for each text, or trained with the rest.

Frozen it is asked for each text once (:mod:`counterpoise.text.features`), and what trains is a head over standardised
features, in seconds. Trained, the token representations of its last layer are pooled as the checkpoint says, and
classes are told by our head in place of its own.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from counterpoise.backbones.base import Backbone, Batch, VectorReader
from counterpoise.backbones.layer_mixing import layer_at, mixed_above, set_right
from counterpoise.data.arrays import Dense, Standardizer
from counterpoise.errors import MissingExtraError, SettingsError
from counterpoise.mixing.pairs import Pairs
from counterpoise.text.batching import Ragged
from counterpoise.text.checkpoints import DEFAULT, Checkpoint
from counterpoise.text.frozen import FrozenEncoder
from counterpoise.text.pooling import POOLINGS, pooled

TRAINED_ONLY = {"layer_decay": 1.0, "gradient_checkpointing": False, "lora": None}
"""Settings that a frozen encoder has no use for, with their defaults."""


class Trained(NamedTuple):
    """An encoder that is to be trained.

    Attributes
    ----------
    checkpoint : Checkpoint
    weights : bool
        False leaves them to a state dict.
    pooling : str
        See :func:`counterpoise.text.pooling.pooled`.
    """

    checkpoint: Checkpoint
    weights: bool
    pooling: str


class PretrainedTexts:
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
        self.name, self.revision, self.frozen = name, revision, frozen
        self.max_length, self.pooling, self.cache = max_length, pooling, cache
        self._encoder = FrozenEncoder(name, revision, max_length=max_length, pooling=pooling, cache=cache)
        self._saved: Checkpoint | None = None

    def fit(self, inputs: np.ndarray, seed: int = 0) -> PretrainedTexts:
        """Open the encoder; of the texts only the scale of a frozen one's features is learnt."""
        if self.frozen:
            self._scale = Standardizer().fit(self._encoder.features(inputs))
        return self

    @property
    def checkpoint(self) -> Checkpoint:
        """The encoder, or of a saved model that was trained what it has been saved with."""
        return self._encoder.checkpoint if self._saved is None else self._saved

    @property
    def input_spec(self) -> int | Trained:
        """Width of a frozen encoder's features, or the encoder that is to be trained."""
        if self.frozen:
            return self._scale.input_spec
        return Trained(self.checkpoint, self._saved is None, self.pooling or self.checkpoint.pooling)

    def encode(self, inputs: np.ndarray, device: torch.device | None = None) -> Dense | Ragged:
        """Features ``(n, d)`` of a frozen encoder, or token ids."""
        if self.frozen:
            return self._scale.encode(self._encoder.features(inputs, device), device)
        return Ragged(*self.checkpoint.encode(list(inputs), self.max_length), device)

    def state(self) -> dict[str, Any]:
        """A trained encoder whole, its weights being saved with the network; of a frozen one the name and a hash."""
        if self.frozen:
            return {"settings": {**self._encoder.state(), "frozen": True}, **self._scale.state()}
        names = ("name", "frozen", "max_length", "pooling", "cache")
        settings = {name: getattr(self, name) for name in names} | {"revision": self.checkpoint.revision}
        tokenizer = np.frombuffer(self.checkpoint.tokenizer_file, dtype=np.uint8)
        return {
            "settings": {**settings, "checkpoint": self.checkpoint.state},
            "tensors": {"tokenizer": tokenizer},
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> PretrainedTexts:
        """Restore a fitted object; a frozen encoder is looked for when the first texts come."""
        settings = dict(state["settings"])
        digest, saved = settings.pop("digest", None), settings.pop("checkpoint", None)
        texts = cls(**settings)
        if saved is None:
            texts._encoder.digest = digest
            texts._scale = Standardizer.from_state(state)
        else:
            texts._saved = Checkpoint.restored(saved, state["tensors"]["tokenizer"].tobytes())
        return texts

    @classmethod
    def identity(cls, settings: dict[str, Any]) -> str:
        """Hash of the encoder's weights, with the version of what computes with them."""
        return Checkpoint.open(settings.get("name", DEFAULT), settings.get("revision")).identity

    @classmethod
    def trained(cls, settings: dict[str, Any]) -> bool:
        """Whether the settings leave the encoder anything to learn."""
        return not settings.get("frozen", True)

    @classmethod
    def learning_rate(cls, settings: dict[str, Any]) -> float:
        """Of the network that the settings make, where none is given."""
        return (Transformer if cls.trained(settings) else FrozenFeatures).learning_rate

    @classmethod
    def check(cls, settings: dict[str, Any]) -> None:
        """Refuse, before any work, settings that do not go together, and an encoder that cannot be had.

        Raises
        ------
        MissingExtraError, SettingsError
        """
        own = {k: v for k, v in settings.items() if k not in TRAINED_ONLY}
        texts = cls(**own)
        idle = [k for k, default in TRAINED_ONLY.items() if settings.get(k, default) != default]
        if texts.frozen and idle:
            raise SettingsError(
                f"{idle[0]} is for an encoder that is trained, and this one is frozen; give frozen=false as well, or "
                f"leave {idle[0]} away"
            )
        decay, rank = settings.get("layer_decay", 1.0), settings.get("lora")
        if not 0 < decay <= 1:
            raise SettingsError(f"layer_decay is {decay!r}; give a number above 0, 1 at most")
        if rank is not None and not (isinstance(rank, int) and rank >= 1):
            raise SettingsError(f"lora is {rank!r}; give its rank, an int of 1 or more, or None")
        if rank is not None:
            _peft()
        Checkpoint.open(texts.name, texts.revision)


class FrozenFeatures(VectorReader):
    """Features as they are; what is trained is the head over them, and what is mixed is features.

    Parameters
    ----------
    n_features : int
    """

    inputs = "text"
    dropout: ClassVar[float] = 0.1

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.dim = n_features

    def vectors(self, batch: Batch) -> Tensor:
        """The features as they are, ``(B, d)``."""
        return batch.inputs

    def read(self, vectors: Tensor, mask: Tensor | None) -> Tensor:
        """One token a text, ``(B, 1, d)``."""
        return vectors.unsqueeze(1)


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
    dropout: ClassVar[float] = 0.1
    learning_rate: ClassVar[float] = 5e-5
    warmup: ClassVar[float] = 0.1

    def __init__(
        self,
        spec: Trained,
        layer_decay: float,
        gradient_checkpointing: bool,
        lora: int | None,
    ) -> None:
        super().__init__()
        model: Any = spec.checkpoint.model(weights=spec.weights)
        if getattr(model, "pooler", None) is not None:
            model.pooler = None  # trained on another task, and nothing here asks for it
        if gradient_checkpointing:
            model.config.use_cache = False
            enable = getattr(
                model, "activation_checkpointing_enable", None
            )  # its name from transformers 5.20 on
            (model.gradient_checkpointing_enable if enable is None else enable)()
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

    def pool(self, tokens: Tensor, mask: Tensor | None) -> Tensor:
        """Pooled as the checkpoint wants it, ``(B, d)``."""
        return pooled(tokens, mask, self.pooling)

    def check_mixing(self) -> None:
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
        lists = [
            module for module in self.model.modules() if isinstance(module, nn.ModuleList) and len(module)
        ]
        return max(lists, key=lambda blocks: sum(p.numel() for p in blocks.parameters()))

    def parameter_groups(self, rate: float) -> list[dict[str, Any]]:
        """Parameters with their learning rates, lower from layer to layer down."""
        depth = {id(p): i for i, layer in enumerate(self.layers, 1) for p in layer.parameters()}
        lowest = {id(p) for module in self._embeddings() for p in module.parameters()}
        top = len(self.layers) + 1
        groups: dict[int, list[nn.Parameter]] = {}
        for parameter in self.parameters():
            at = depth.get(id(parameter), 0 if id(parameter) in lowest else top)
            groups.setdefault(at, []).append(parameter)
        return [{"params": groups[at], "lr": rate * self.layer_decay ** (top - at)} for at in sorted(groups)]

    def _embeddings(self) -> list[nn.Module]:
        return [module for module in self.model.modules() if isinstance(module, nn.Embedding)]


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
