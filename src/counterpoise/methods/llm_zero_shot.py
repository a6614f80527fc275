"""Ask a language model which class a text is of, and train nothing: a yardstick for all that is trained."""

from __future__ import annotations

import os
from typing import Any, ClassVar

import numpy as np
import torch

from counterpoise.docstrings import with_parameters_of
from counterpoise.errors import ModelError
from counterpoise.methods.base import Context, Data, Method
from counterpoise.methods.predictors import SavedState
from counterpoise.methods.setting_checks import check_whole
from counterpoise.metrics.calibration import softmax
from counterpoise.text.asking import check_asking, correspondent_of, model_of
from counterpoise.text.language_models import Choose, ModelSource, one_line
from counterpoise.text.replies import Answer, Correspondent
from counterpoise.text.spending import Spending

_BEYOND = "and then the other texts that it is asked about, those that a threshold is tuned on among them"
_SAVED = ("base_url", "api_key_env", "request", "timeout", "price_in", "price_out", "max_chars")


@with_parameters_of(ModelSource)
class LLMZeroShot(Method):
    """Probabilities of the classes as a large language model gives them to each text, by their names.

    A model on this machine gives the likelihood of each class name as what follows the text,
    ``exp(sum_t log p(name_t | prompt, name_<t))``, normalised over the classes; of names of which one begins another
    the shorter is always likelier. A model at an address is asked for a letter: its log-probabilities are taken where
    the address offers them, otherwise the class that it names has all but 0.05, which is spread over all classes.

    Parameters that do not stand here are those of :class:`counterpoise.text.language_models.ModelSource`.

    Parameters
    ----------
    model : str or path or None, default=None
        A causal model in safetensors on the Hugging Face Hub or in a folder, or with ``base_url`` the name of a model
        there. There is no default.
    allow_sending : bool, default=False
        Consent to send every text that is to be classified, and those that the threshold is tuned on, to ``base_url``.
        It is saved with no model.
    price_in, price_out : float or None, default=None
        Of a million tokens read and written.
    class_names : dict or None, default=None
        What the model is told of a class, by its label as a string; None is the label. Names that say what a class is
        about are all that this method can be given.
    max_chars : int, default=1000
        Characters that are shown of each text.

    Notes
    -----
    It costs when it predicts. Replies are kept on the disk, so that a text is asked about once, however many folds it
    is in. Nothing tells the model how rare a class is, so its probabilities are taken to stand for equal class shares,
    and ``prior_correction`` brings in those of the data. Class weights multiply those shares.
    """

    summary = "a language model asked for each text's class by name, nothing trained; give it as `model`"
    paper = "Brown et al. 2020"
    inputs = frozenset({"text"})
    needs = "extra llm, a model"
    uses_backbone = False

    def __init__(
        self,
        *,
        model: str | os.PathLike[str] | None = None,
        revision: str | None = None,
        base_url: str | None = None,
        api_key_env: str | None = "COUNTERPOISE_API_KEY",
        request: dict[str, Any] | None = None,
        timeout: float = 60.0,
        allow_sending: bool = False,
        price_in: float | None = None,
        price_out: float | None = None,
        class_names: dict[str, str] | None = None,
        max_chars: int = 1000,
    ) -> None:
        self.model = model
        self.revision = revision
        self.base_url = base_url
        self.api_key_env = api_key_env
        self.request = request
        self.timeout = timeout
        self.allow_sending = allow_sending
        self.price_in = price_in
        self.price_out = price_out
        self.class_names = class_names
        self.max_chars = max_chars

    def check(self) -> None:
        """Refuse settings out of range, and a model that is not there; an address is not asked."""
        check_whole("llm_zero_shot", max_chars=self.max_chars)
        check_asking(self)
        model_of(self, torch.device("cpu"))

    def identity(self) -> str:
        """The model: a hash of its weights, or its address and name."""
        return model_of(self, torch.device("cpu")).identity

    def fit(self, data: Data, context: Context) -> ZeroShotPredictor:
        """Note the names and weights of the classes; the labels are not looked at."""
        given = context.class_names or tuple(str(number) for number in range(data.n_classes))
        own = self.class_names or {}
        names = tuple(str(own.get(name, name)) for name in given)
        factors = context.weighted(data).class_factors()
        prior = factors / factors.sum()
        return ZeroShotPredictor(self, names, context.training.torch_device(), training_prior=prior)


class ZeroShotPredictor:
    """A language model and the names that it chooses from.

    Parameters
    ----------
    method : LLMZeroShot
        Its settings.
    names : tuple of C str
    device : torch.device or None, default=None
        Of a model on this machine; None is the CPU.
    digest : str or None, default=None
        Of the model that a saved predictor had; None takes whatever is found.
    training_prior : ndarray of float64, shape (C,), or None, default=None
        Class shares that its answers are to stand for; None is equal ones.
    """

    kind: ClassVar[str] = "llm_zero_shot"

    def __init__(
        self,
        method: LLMZeroShot,
        names: tuple[str, ...],
        device: torch.device | None = None,
        digest: str | None = None,
        training_prior: np.ndarray | None = None,
    ) -> None:
        self._method, self.names, self._digest = method, names, digest
        self._device = torch.device("cpu") if device is None else device
        self._opened: Correspondent | None = None
        equal = np.full(len(names), 1 / len(names))
        self.training_prior = equal if training_prior is None else training_prior
        self.history: list[dict[str, float]] = []
        self._answers: dict[str, Answer] = {}

    @property
    def notes(self) -> dict[str, list[str]]:
        """What the answers that it was asked for so far have cost."""
        spent = Spending.of(self._answers.values())
        return {"remarks": [f"llm_zero_shot: {spent.in_words()}"]} if spent.prompts else {}

    def logits(self, inputs: np.ndarray) -> np.ndarray:
        """Log-odds ``(n, C)`` of float64: the model's answers are under equal class shares, these under the prior."""
        questions = [Choose(one_line(text, self._method.max_chars), self.names) for text in inputs]
        answers = self._correspondent.ask(questions)
        self._answers |= {answer.prompt_hash: answer for answer in answers}
        found = [answer.reply.log_probabilities or (0.0,) * len(self.names) for answer in answers]
        answered = np.array(found, dtype=np.float64).reshape(len(inputs), len(self.names))
        return answered + np.log(self.training_prior * len(self.names))

    def embed(self, inputs: np.ndarray) -> np.ndarray:
        """Probabilities ``(n, C)`` of float32: all that is known of a text."""
        return softmax(self.logits(inputs)).astype(np.float32)

    def state(self) -> SavedState:
        """Names and settings; no key, no consent, and the model stays where it is."""
        model = self._correspondent.model
        settings = {name: getattr(self._method, name) for name in _SAVED}
        in_a_folder = model.address is None and model.revision is None
        name = os.path.abspath(model.name) if in_a_folder else model.name
        settings |= {"model": name, "revision": model.revision}
        config = {"settings": settings, "names": list(self.names), "digest": model.digest}
        return SavedState(config, {"training_prior": self.training_prior})

    @classmethod
    def from_state(cls, state: SavedState, method: Any) -> ZeroShotPredictor:
        """Put a predictor together again; it may send what ``method`` allows, and looks for its model when asked."""
        settings = {**state.config["settings"], "allow_sending": method.allow_sending}
        return cls(
            LLMZeroShot(**settings),
            tuple(state.config["names"]),
            digest=state.config["digest"],
            training_prior=state.tensors["training_prior"],
        )

    @property
    def _correspondent(self) -> Correspondent:
        if self._opened is None:
            opened = correspondent_of(self._method, "llm_zero_shot", self._device, _BEYOND)
            if self._digest not in (None, opened.model.digest):
                raise ModelError(
                    f"the language model {opened.model.name} is not the one that this model was saved with; give it "
                    "back the weights and the tokenizer it had, or fit again"
                )
            self._opened = opened
        return self._opened

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}  # weights and connections are found again
