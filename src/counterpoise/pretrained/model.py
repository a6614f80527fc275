"""A pretrained model of the Hugging Face kind: its configuration, and its weights when they are asked for.

Code that comes with a checkpoint is never run, weights are read from safetensors only, and the revision that was opened
is known, so that a saved model can ask for the same one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from counterpoise.errors import SettingsError
from counterpoise.pretrained.files import (
    digest_of,
    digest_of_facts,
    facts_of,
    had,
    silent,
    snapshot_of,
    transformers_package,
    weight_files,
)
from counterpoise.pretrained.hub import CONFIG, Snapshot

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, eq=False)
class PretrainedModel:
    """What checkpoints of all inputs share.

    Attributes
    ----------
    name : str
        As given: of the Hub, or a folder.
    revision : str or None
        Commit of the Hub; None for a folder.
    config : dict
        Of the model, JSON values.
    snapshot : Snapshot or None
        Where its files are; None for one that a saved model holds.
    files : tuple of str
        That decide something, besides ``config.json`` and the weights.
    what, option, known_by : str
        What messages call it, where a folder is given, and by what a saved model knows it again.
    """

    name: str
    revision: str | None
    config: dict[str, Any]
    snapshot: Snapshot | None = field(repr=False)

    files: ClassVar[tuple[str, ...]] = ()
    what: ClassVar[str] = "encoder"
    option: ClassVar[str] = " (--encoder FOLDER)"
    known_by: ClassVar[str] = "weights, the configuration or the tokenizer"

    @classmethod
    def transformers(cls) -> Any:
        """The package; raises MissingExtraError where there is none."""
        return transformers_package(f"pretrained {cls.what}s")

    @classmethod
    def had(cls, name: str, load: Callable[[], Any]) -> Any:
        """What a loader gives, or why it cannot be had; see :func:`counterpoise.pretrained.files.had`."""
        return had(name, load, cls.what, cls.option)

    @classmethod
    def configuration(cls, name: str | os.PathLike[str], revision: str | None) -> tuple[Any, Snapshot]:
        """Find a checkpoint, and read its configuration.

        Returns
        -------
        config : transformers configuration
        snapshot : Snapshot
            Where its files are; those of the Hub are of one commit.

        Raises
        ------
        MissingExtraError, SettingsError
        """
        transformers = cls.transformers()
        snapshot = snapshot_of(name, revision, cls.files, cls.what, cls.option)
        config = cls.had(
            snapshot.name, lambda: transformers.AutoConfig.from_pretrained(snapshot.name, **snapshot.asked)
        )
        return config, snapshot

    @property
    def files_here(self) -> Snapshot:
        """Where its files are, of one that no saved model holds."""
        assert self.snapshot is not None
        return self.snapshot

    @property
    def weights_digest(self) -> str:
        """Hash of the weights' files."""
        return digest_of(weight_files(self.files_here, self.what, self.option))

    def facts(self) -> list[str]:
        """What decides vectors besides the weights: the configuration, and what a subclass adds."""
        return facts_of(self.files_here, [CONFIG])

    @property
    def digest(self) -> str:
        """Hash of all that decides vectors, by which a saved model knows its own again, and kept vectors are found."""
        return digest_of_facts([self.weights_digest, *self.facts()])

    @property
    def earlier_digest(self) -> str:
        """What stood for :attr:`digest` in models that were saved when the weights alone decided it."""
        return self.weights_digest

    @property
    def identity(self) -> str:
        """The digest, with the version of what computes."""
        return f"{self.digest} transformers {self.transformers().__version__}"

    def model(self, *, weights: bool = True) -> nn.Module:
        """The network in float32 and evaluation mode.

        Parameters
        ----------
        weights : bool, default=True
            False leaves them as they are drawn, for a state dict to come.

        Raises
        ------
        SettingsError
            When there are no weights in safetensors, or some that its configuration asks for are not among them.
        """
        transformers = self.transformers()
        if not weights:
            config = transformers.AutoConfig.for_model(**self.config)
            return transformers.AutoModel.from_config(config, trust_remote_code=False).float().eval()
        import torch

        weight_files(self.files_here, self.what, self.option)
        folder = str(self.files_here.folder)
        asked = {**self.files_here.asked, "use_safetensors": True, "dtype": torch.float32}
        with silent(transformers):
            model, report = self.had(
                self.name,
                lambda: transformers.AutoModel.from_pretrained(folder, output_loading_info=True, **asked),
            )
        self._check_whole(model, report["missing_keys"])
        return model.eval()

    def _check_whole(self, model: nn.Module, missing: Collection[str]) -> None:
        """Refuse a network with weights that were drawn, since its files have none of their names."""
        # Those of a pooler are of a task that nothing here asks for, and whole numbers are counted, not learnt.
        learnt = {name for name, value in model.state_dict().items() if value.is_floating_point()}
        gone = sorted(name for name in learnt & set(missing) if not name.startswith("pooler."))
        if gone:
            raise SettingsError(
                f"{len(gone)} of the {len(learnt)} weights that config.json of {self.what} {self.name} asks for are "
                f"missing ({gone[0]} is one); give it the weights of that configuration, or choose another one"
            )


def json_values(config: Any) -> dict[str, Any]:
    """A configuration of transformers as JSON values."""
    return json.loads(config.to_json_string())


def without_pooler(model: Any) -> Any:
    """The model without the weights of its pooler: they are of another task, and nothing here asks for them."""
    pooler = getattr(model, "pooler", None)
    if pooler is not None and any(True for _ in pooler.parameters()):
        model.pooler = None
    return model
