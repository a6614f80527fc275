"""What samplers and methods that ask a language model have in common: settings, and what is made of them.

The settings are those of :class:`counterpoise.text.language_models.ModelSource`, those of
:class:`counterpoise.text.replies.Correspondent` but for ``asker``, and ``class_names``.
"""

from __future__ import annotations

from dataclasses import fields
from numbers import Real
from typing import TYPE_CHECKING, Any

from counterpoise.errors import SettingsError
from counterpoise.text.language_models import LanguageModel, ModelSource
from counterpoise.text.replies import Correspondent

if TYPE_CHECKING:
    import torch


def check_asking(settings: Any) -> None:
    """Raise SettingsError for settings out of range; nobody is asked.

    Parameters
    ----------
    settings : object
        With the attributes named above.
    """
    source_of(settings).check()
    if not isinstance(settings.allow_sending, bool):
        raise SettingsError(f"allow_sending is {settings.allow_sending!r}; give True or False")
    for name in ("price_in", "price_out"):
        value = getattr(settings, name)
        if value is not None and not (isinstance(value, Real) and 0 <= float(value) < float("inf")):
            raise SettingsError(
                f"{name} is {value!r}; give the price of a million tokens, 0 or more, or None"
            )
    names = settings.class_names
    if names is not None and not (
        isinstance(names, dict) and all(isinstance(name, str) and name.strip() for name in names.values())
    ):
        raise SettingsError(f"class_names is {names!r}; give a dict from labels to names, or None")


def source_of(settings: Any) -> ModelSource:
    """Where the model of some settings is."""
    return ModelSource(**{field.name: getattr(settings, field.name) for field in fields(ModelSource)})


def model_of(settings: Any, device: torch.device) -> LanguageModel:
    """The model of some settings; see :meth:`counterpoise.text.language_models.ModelSource.open`."""
    return source_of(settings).open(device)


def correspondent_of(settings: Any, asker: str, device: torch.device, beyond: str = "") -> Correspondent:
    """Who asks the model of some settings, in somebody's name; see :class:`Correspondent` for ``beyond``."""
    return Correspondent(
        model_of(settings, device),
        asker=asker,
        allow_sending=settings.allow_sending,
        price_in=settings.price_in,
        price_out=settings.price_out,
        beyond=beyond,
    )
