"""Questions to a language model: replies kept on the disk, nothing sent without consent, and what each one cost.

    correspondent = Correspondent(model, asker="llm_oversample", allow_sending=True, price_in=0.15, price_out=0.6)
    answers = correspondent.ask(questions)
    sum(answer.price for answer in answers if not answer.cached)

A reply is kept when it is there, under the model, the prompt and everything that goes with it. So a run that was
cut short goes on where it stopped, and the same run a second time asks nobody, costs nothing and has the same replies.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from counterpoise.errors import SettingsError
from counterpoise.kept import Kept
from counterpoise.progress import bar
from counterpoise.text.language_models import LanguageModel, Question, Reply, Write, about_tokens

_KEPT_EVERY = 1.0  # seconds: what a process may lose that is killed
_ANSWER = 5  # tokens that are written, at most, to name a class


@dataclass(frozen=True)
class Answer:
    """A reply and how it came.

    Attributes
    ----------
    reply : Reply
    question : bytes
        By which it is kept: the model, the prompt, and what else goes with it, as the seed does.
    prompt_hash : str
        20 hexadecimal digits of the prompt's SHA-256.
    price : float or None
        What the call cost when it was made; None where no prices were given.
    cached : bool
        Whether it was made earlier, and nobody was asked now.
    """

    reply: Reply
    question: bytes
    prompt_hash: str
    price: float | None
    cached: bool


class Correspondent:
    """Asks a language model.

    Parameters
    ----------
    model : LanguageModel
    asker : str
        In whose name, for messages.
    allow_sending : bool, default=False
        Whether texts may be sent to the model's address, this machine's own included, since who listens there may pass
        them on. A model without an address needs no consent.
    price_in, price_out : float or None, default=None
        Of a million tokens read and written, in any currency.
    beyond : str, default=""
        What may come on top of the questions that are asked together, for a refusal: a clause.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        asker: str,
        allow_sending: bool = False,
        price_in: float | None = None,
        price_out: float | None = None,
        beyond: str = "",
    ) -> None:
        self.model, self.asker, self.allow_sending = model, asker, allow_sending
        self.beyond = beyond
        self.price_in, self.price_out = price_in, price_out
        self._identity = model.identity
        self._kept = Kept("replies", hashlib.sha256(self._identity.encode()).hexdigest()[:20])

    def check_consent(self, questions: Sequence[Question]) -> None:
        """Refuse to ask what is not known yet where that would have to be sent and may not.

        Raises
        ------
        SettingsError
            In one sentence that says how many texts would go where, and about how many tokens.
        """
        if self.model.address is None or self.allow_sending:
            return
        known = self._kept.find([self._key(question) for question in questions])
        asked = [question for question in questions if self._key(question) not in known]
        if not asked:
            return
        texts = len({text for question in asked for text in question.quoted})
        tokens = sum(about_tokens(question.prompt) for question in asked)
        tokens += sum(q.max_tokens if isinstance(q, Write) else _ANSWER for q in asked)
        raise SettingsError(
            f"{self.asker} would send {_counted(texts, 'text')} in {_counted(len(asked), 'prompt')}, about {tokens:,} "
            f"tokens with the answers, to {self.model.address} (model {self.model.name})"
            f"{self.beyond and f', {self.beyond}'}, and nothing is sent without consent; give --yes-send on the "
            "command line or allow_sending=True in Python, or a local model"
        )

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        """Have questions answered, each different one once.

        Raises
        ------
        SettingsError
            Without consent (:meth:`check_consent`), and for what the model cannot be asked.
        EndpointError
            When an address does not answer as it should.
        """
        self.check_consent(questions)
        keys = [self._key(question) for question in questions]
        kept = self._kept.find(keys)
        replies = {key: _read(value) for key, value in kept.items()}
        missing = {key: question for key, question in zip(keys, questions, strict=True) if key not in replies}
        if missing:
            replies |= self._answered(missing)
        return [
            Answer(replies[key], key, prompt_hash(question.prompt), self._price(replies[key]), key in kept)
            for key, question in zip(keys, questions, strict=True)
        ]

    def _answered(self, missing: dict[bytes, Question]) -> dict[bytes, Reply]:
        """Replies of the model, kept as they come, also when the last of them do not."""
        order = list(missing)
        found: dict[bytes, Reply] = {}
        waiting: dict[bytes, bytes] = {}
        begun = time.monotonic()
        try:
            with bar(f"replies of {self.model.name}", len(missing)) as progress:
                for place, reply in self.model.answers(list(missing.values())):
                    found[order[place]] = reply
                    waiting[order[place]] = json.dumps(asdict(reply)).encode()
                    if time.monotonic() - begun > _KEPT_EVERY:
                        self._kept.add(waiting)
                        waiting, begun = {}, time.monotonic()
                    progress.advance()
        finally:
            self._kept.add(waiting)
        return found

    def _key(self, question: Question) -> bytes:
        said = [self._identity, type(question).__name__, asdict(question), question.wordings]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).digest()[:16]

    def _price(self, reply: Reply) -> float | None:
        if self.price_in is None and self.price_out is None:
            return None
        return (reply.tokens_in * (self.price_in or 0.0) + reply.tokens_out * (self.price_out or 0.0)) / 1e6


def prompt_hash(prompt: str) -> str:
    """20 hexadecimal digits by which a prompt is known again."""
    return hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def _read(value: bytes) -> Reply:
    fields = json.loads(value)
    chances = fields["log_probabilities"]
    return Reply(**{**fields, "log_probabilities": None if chances is None else tuple(chances)})


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
