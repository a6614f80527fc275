r"""Language models behind one small protocol: a causal model on this machine, or an address that answers like OpenAI's.

    source = ModelSource("Qwen/Qwen2.5-0.5B-Instruct")                        # of the Hugging Face Hub, or a folder
    source = ModelSource("gpt-4.1-mini", base_url="https://api.openai.com/v1", api_key_env="OPENAI_API_KEY")
    correspondent = Correspondent(source.open(torch.device("cpu")), asker="llm_oversample")
    correspondent.ask([Write("Text: win cash now\nText:", ("win cash now",), seed=0)])[0].reply.text

Two things can be asked: to write a text, and which of some classes a text is of. Who asks goes through
:class:`counterpoise.text.replies.Correspondent`, which keeps replies on the disk and sends nothing without consent.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from counterpoise.errors import SettingsError

if TYPE_CHECKING:
    import torch

STOP = "\nText:"
"""Where a reply ends at the latest: what follows would be a further text."""


@dataclass(frozen=True)
class Write:
    """To write on after a prompt.

    Attributes
    ----------
    prompt : str
        The whole of it; a model of dialogues gets it as what its user says.
    quoted : tuple of str
        Texts of the data that stand in it.
    seed : int
        Of what is drawn, in [0, 2**31); an address may pass over it.
    max_tokens : int, default=128
    temperature : float, default=1.0
    top_p : float, default=0.95
        Words are drawn from the most likely ones that together have this probability.
    """

    prompt: str
    quoted: tuple[str, ...]
    seed: int
    max_tokens: int = 128
    temperature: float = 1.0
    top_p: float = 0.95

    @property
    def wordings(self) -> tuple[str, ...]:
        """All prompts that it may be asked by."""
        return (self.prompt,)


@dataclass(frozen=True)
class Choose:
    """To say which class a text is of.

    Attributes
    ----------
    text : str
    names : tuple of str
        Of the classes.
    """

    text: str
    names: tuple[str, ...]

    @property
    def quoted(self) -> tuple[str, ...]:
        """Texts of the data that a prompt holds."""
        return (self.text,)

    @property
    def wordings(self) -> tuple[str, ...]:
        """All prompts that it may be asked by."""
        return self.prompt, self.lettered

    @property
    def prompt(self) -> str:
        """A prompt that one of the names continues."""
        return f"Each text is of one of these classes: {', '.join(self.names)}.\n\nText: {self.text}\nClass:"

    @property
    def lettered(self) -> str:
        """A prompt that the letter of a class answers, A for the first; one token in every vocabulary."""
        lines = "\n".join(f"{letter(i)}: {name}" for i, name in enumerate(self.names))
        return f"Which class is the text of?\n\n{lines}\n\nText: {self.text}\n\nAnswer with the letter alone."


Question: TypeAlias = "Write | Choose"


@dataclass(frozen=True)
class Reply:
    """What a model answered.

    Attributes
    ----------
    text : str
        Written; empty where nothing was.
    tokens_in, tokens_out : int
        Read and written.
    seconds : float
        Of the call; of several in one batch each has its part.
    refused : bool, default=False
        Whether the model would not answer.
    log_probabilities : tuple of float or None, default=None
        Of the names of a :class:`Choose`; None where none can be told.
    """

    text: str
    tokens_in: int
    tokens_out: int
    seconds: float
    refused: bool = False
    log_probabilities: tuple[float, ...] | None = None


class LanguageModel(Protocol):
    """What answers questions.

    Attributes
    ----------
    name : str
    revision : str or None
        Of the Hugging Face Hub; None for whatever is not from there.
    address : str or None
        Where what is asked is sent; None for nowhere.
    """

    name: str
    revision: str | None
    address: str | None

    @property
    def digest(self) -> str:
        """What it is: a hash of all that it consists of, or its address and name."""

    @property
    def identity(self) -> str:
        """All that decides its replies besides the question."""

    def answers(self, questions: Sequence[Question]) -> Iterator[tuple[int, Reply]]:
        """Replies as they come, each with the position of its question; a question's does not depend on the others."""


@dataclass(frozen=True)
class ModelSource:
    """Where a language model is.

    Parameters
    ----------
    model : str or path or None, default=None
        Name on the Hugging Face Hub, or folder, of a causal model in safetensors; with ``base_url`` the name that the
        address knows. There is no default: which one is right depends on the language, the machine and the money.
    revision : str or None, default=None
        Commit, branch or tag of the Hub.
    base_url : str or None, default=None
        Of a server that answers ``/chat/completions`` as OpenAI's do, such as ``"http://localhost:8000/v1"``.
    api_key_env : str or None, default="COUNTERPOISE_API_KEY"
        Environment variable with the key for that address; an address of this machine needs none, and None sends none
        to any. It has a name of its own, so that a key meant for one address never goes to another.
    request : dict or None, default=None
        Further fields of each request, such as ``{"max_completion_tokens": 300, "max_tokens": None}``; None leaves a
        field out.
    timeout : float, default=60.0
        Seconds to wait for an answer.
    """

    model: str | os.PathLike[str] | None = None
    revision: str | None = None
    base_url: str | None = None
    api_key_env: str | None = "COUNTERPOISE_API_KEY"
    request: dict[str, Any] | None = None
    timeout: float = 60.0

    def check(self) -> None:
        """Raise SettingsError for what can be seen to be wrong without asking anybody."""
        if not isinstance(self.model, str | os.PathLike) or not str(self.model):
            raise SettingsError(
                f"model is {self.model!r}; give a causal language model of the Hugging Face Hub or a folder with one, "
                "or with base_url the name of a model there"
            )
        if not (isinstance(self.timeout, Real) and 0 < float(self.timeout) < float("inf")):
            raise SettingsError(f"timeout is {self.timeout!r}; give seconds above 0")
        if self.base_url is None:
            if self.request is not None:
                raise SettingsError(
                    "request is for a model at an address; give base_url too, or leave it out"
                )
        elif self.revision is not None:
            raise SettingsError("revision is for a model of the Hugging Face Hub; leave it out with base_url")
        elif self.request is not None and not isinstance(self.request, dict):
            raise SettingsError(f"request is {self.request!r}; give a dict of further fields")

    def open(self, device: torch.device) -> LanguageModel:
        """The model; weights are read, and an address is asked, when the first reply is not known yet.

        Parameters
        ----------
        device : torch.device
            Of a model on this machine.

        Raises
        ------
        MissingExtraError, SettingsError
            When it cannot be had, or is no causal language model.
        """
        self.check()
        if self.base_url is None:
            from counterpoise.text.causal_model import CausalModel

            return CausalModel(str(self.model), self.revision, device)
        from counterpoise.text.endpoint import Endpoint

        return Endpoint(
            self.base_url,
            str(self.model),
            key_name=self.api_key_env,
            fields=self.request,
            timeout=float(self.timeout),
        )


def letter(number: int) -> str:
    """``A`` for 0."""
    return chr(ord("A") + number)


def one_line(text: str, longest: int) -> str:
    """A text as prompts quote it: white space as single blanks, and no more than so many characters."""
    return " ".join(text.split())[:longest].rstrip()


def about_tokens(text: str) -> int:
    """Tokens that a text may have, where there is no tokenizer to ask: a quarter of its bytes."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // 4)
