"""A language model at an address that answers ``/chat/completions`` as OpenAI's do, its own or anybody's.

Requests go out a few at a time; what is busy or out of order for the moment is asked again after a while. The key is
read from the environment when the first request goes out, and stands in no setting, message, cache or saved model.
"""

from __future__ import annotations

import ipaddress
import json
import math
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Any
from urllib.parse import SplitResult, urlsplit

from counterpoise.errors import EndpointError, MissingExtraError, SettingsError
from counterpoise.text.class_chances import MOST_NAMES, answered_chances, listed_chances
from counterpoise.text.language_models import STOP, Choose, Question, Reply, Write, about_tokens

AT_ONCE = 8
"""Requests on their way at a time."""

RETRIES = 5
"""Times that a request is sent again after "too many requests" (429), an error of the server (5xx) or silence."""

FIRST_WAIT = 1.0
"""Seconds before the first of them, doubled each time, unless the server says how long; a minute at most."""

_LISTED = 20  # likeliest tokens that are asked for: the most that OpenAI gives
_LONGEST_WAIT = 60.0
_SHOWN = 200  # characters of a server's own words


class Endpoint:
    """A model at an address.

    Parameters
    ----------
    base_url : str
        What ``/chat/completions`` is put after.
    name : str
        Of the model, as the address knows it.
    key_name : str or None
        Environment variable with the key; None sends none.
    fields : dict or None
        Further fields of each request; None as a value leaves a field out.
    timeout : float
        Seconds.

    Raises
    ------
    SettingsError
        For an address that is none, holds a password, or would be given a key in clear text.
    MissingExtraError
        When ``httpx2`` is not installed.
    """

    def __init__(
        self, base_url: str, name: str, *, key_name: str | None, fields: dict[str, Any] | None, timeout: float
    ) -> None:
        parts = _parted(str(base_url))
        if parts.username or parts.password or parts.query:
            raise SettingsError(
                "base_url holds a user, a password or a query, which would be stored with it; give the bare address, "
                "and the key in an environment variable"
            )
        self.address: str | None = str(base_url).rstrip("/")
        self.name, self._key_name, self._fields = name, key_name, dict(fields or {})
        self._here = _is_this_machine(parts.hostname or "")
        if parts.scheme == "http" and not self._here and key_name is not None:
            raise SettingsError(
                f"base_url is {base_url}, and a key would go there in clear text; give an https address, or "
                "api_key_env=None where no key is needed"
            )
        self._timeout = timeout
        self._offers_chances = True
        self._answered = False
        self._given_up = threading.Event()

    revision: str | None = None

    @property
    def digest(self) -> str:
        """Address and name."""
        return f"{self.name} at {self.address}"

    @property
    def identity(self) -> str:
        """Address, name and further fields."""
        return json.dumps(["endpoint", self.address, self.name, self._fields], sort_keys=True)

    def answers(self, questions: Sequence[Question]) -> Iterator[tuple[int, Reply]]:
        """Replies in the order in which they come.

        Raises
        ------
        SettingsError
            Without a key where one is needed, and for more classes than there are letters.
        EndpointError
            In one sentence; replies that were on their way are given before it.
        """
        for question in questions:
            if isinstance(question, Choose) and len(question.names) > MOST_NAMES:
                raise SettingsError(
                    f"there are {len(question.names)} classes, and a model at an address tells at most {MOST_NAMES} "
                    "apart, one a letter; use a local model"
                )
        self._given_up.clear()
        failure: BaseException | None = None
        with self._client() as client, ThreadPoolExecutor(AT_ONCE) as pool:
            waiting: dict[Future[Reply], int] = {
                pool.submit(self._answer, client, question): i for i, question in enumerate(questions)
            }
            try:
                for future in as_completed(waiting):
                    if future.cancelled():
                        continue
                    if (error := future.exception()) is None:
                        yield waiting[future], future.result()
                    elif failure is None:
                        failure = error
                        self._give_up(waiting)
            finally:
                self._give_up(waiting)
        if failure is not None:
            raise failure

    def _give_up(self, waiting: dict[Future[Reply], int]) -> None:
        self._given_up.set()
        for future in waiting:
            future.cancel()

    def _client(self) -> Any:
        try:
            import httpx2
        except ImportError as error:
            raise MissingExtraError(
                'a model at an address needs httpx2; install it with pip install "counterpoise[llm]"'
            ) from error
        key = os.environ.get(self._key_name, "").strip() if self._key_name else ""
        if self._key_name and not key and not self._here:
            raise SettingsError(
                f"the environment variable {self._key_name} holds no key for {self.address}; set it, name another one "
                "with api_key_env, or give api_key_env=None where no key is needed"
            )
        if not key.isascii() or not key.isprintable() or " " in key:
            raise SettingsError(
                f"the environment variable {self._key_name} holds something that is no key; give one line of letters, "
                "digits and signs without spaces"
            )
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # What the environment says of proxies is not meant for a server on this machine.
        return httpx2.Client(headers=headers, timeout=self._timeout, trust_env=not self._here)

    def _answer(self, client: Any, question: Question) -> Reply:
        if isinstance(question, Write):
            return self._written(client, question)
        return self._chosen(client, question)

    def _written(self, client: Any, question: Write) -> Reply:
        return self._said(
            client,
            question.prompt,
            max_tokens=question.max_tokens,
            temperature=question.temperature,
            top_p=question.top_p,
            seed=question.seed,
            stop=[STOP],
        )[0]

    def _chosen(self, client: Any, question: Choose) -> Reply:
        plain = {"max_tokens": 5, "temperature": 0}
        listed = {"logprobs": True, "top_logprobs": _LISTED} if self._offers_chances else {}
        try:
            reply, choice = self._said(client, question.lettered, **plain, **listed)
        except _Refused:
            if not listed:
                raise
            reply, choice = self._said(client, question.lettered, **plain)
            self._offers_chances = False
        chances = listed_chances(choice, len(question.names))
        if chances is None:
            chances = answered_chances(reply.text, question.names)
        return Reply(
            reply.text, reply.tokens_in, reply.tokens_out, reply.seconds, reply.refused, tuple(chances)
        )

    def _said(self, client: Any, prompt: str, **fields: Any) -> tuple[Reply, dict[str, Any]]:
        """A reply, and the choice of the completion that it is from."""
        whole = {
            "model": self.name,
            "messages": [{"role": "user", "content": prompt}],
            **fields,
            **self._fields,
        }
        body = {name: value for name, value in whole.items() if value is not None}
        start = time.perf_counter()
        response = self._posted(client, body)
        seconds = time.perf_counter() - start
        try:
            found = response.json()
            choice = found["choices"][0]
            content = choice["message"].get("content") or ""
            refused = (
                bool(choice["message"].get("refusal")) or choice.get("finish_reason") == "content_filter"
            )
            used = found.get("usage") or {}
            read = int(used.get("prompt_tokens") or about_tokens(prompt))
            written = int(used.get("completion_tokens") or about_tokens(content))
            if not isinstance(content, str):
                raise TypeError("content")
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            said = _shown(_without_key(response, response.text))
            raise EndpointError(
                f"{self.address} answered with something that is no chat completion ({said}); give as base_url that of "
                "an OpenAI-compatible server, which usually ends in /v1"
            ) from error
        return Reply("" if refused else content, read, written, seconds, refused), choice

    def _posted(self, client: Any, body: dict[str, Any]) -> Any:
        """The response to a request, sent again while that may help."""
        import httpx2

        wait = FIRST_WAIT
        for attempt in range(RETRIES + 1):
            last = attempt == RETRIES
            try:
                response = client.post(f"{self.address}/chat/completions", json=body)
            except httpx2.TransportError as error:
                # Where nobody has answered yet, the address is likelier to be wrong than the net to be down.
                if last or (isinstance(error, httpx2.ConnectError) and not self._answered):
                    raise EndpointError(
                        f"{self.address} does not answer ({type(error).__name__}: {_shown(str(error))}); check "
                        "base_url, that the server runs, and timeout"
                    ) from error
                pause = wait
            else:
                self._answered = True
                busy = response.status_code == 429 or response.status_code >= 500
                if response.status_code < 300:
                    return response
                if not busy:
                    raise self._refusal(response)
                if last:
                    raise EndpointError(
                        f"{self.address} answered with status {response.status_code} {RETRIES + 1} times in a row "
                        f"({_shown(_message(response))}); try again later: what was answered is kept, so the same "
                        "command goes on"
                    )
                pause = _seconds(response.headers.get("retry-after")) or wait
            if self._given_up.wait(min(pause, _LONGEST_WAIT)):
                raise EndpointError(f"{self.address} was not asked again, since another request has failed")
            wait *= 2
        raise AssertionError("the last attempt returns or raises")

    def _refusal(self, response: Any) -> EndpointError:
        status = response.status_code
        if status in (401, 403):
            # Without the server's words, which may quote the key.
            given = f"the key in {self._key_name}" if self._key_name else "a request without a key"
            return EndpointError(
                f"{self.address} refuses {given} (status {status}); check the key and its rights"
            )
        said = _shown(_message(response))
        if status == 404:
            return EndpointError(
                f"{self.address} knows no model {self.name!r}, or no chat completions (status 404: {said}); check "
                "model and base_url, which usually ends in /v1"
            )
        kind = _Refused if status in (400, 422) else EndpointError
        return kind(
            f"{self.address} refuses the request (status {status}: {said}); give or leave out fields of it with "
            "request"
        )


class _Refused(EndpointError):
    """A request that the server understands and will not serve as it is."""


def _parted(base_url: str) -> SplitResult:
    try:
        parts = urlsplit(base_url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fits = False
    if not fits:
        raise SettingsError(
            f"base_url is {base_url!r}; give an address such as https://api.openai.com/v1 or http://localhost:8000/v1"
        )
    return parts


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _message(response: Any) -> str:
    """What a server says of an error."""
    try:
        said = response.json()["error"]
        said = str(said["message"] if isinstance(said, dict) else said)
    except (ValueError, LookupError, TypeError):
        said = response.text
    return _without_key(response, said)


def _without_key(response: Any, said: str) -> str:
    key = response.request.headers.get("authorization", "").removeprefix("Bearer ")
    return said.replace(key, "***") if key else said


def _shown(text: str) -> str:
    words = " ".join(str(text).split()).rstrip(".")
    return (words[:_SHOWN] + "...") if len(words) > _SHOWN else words or "nothing"


def _seconds(value: str | None) -> float | None:
    try:
        seconds = float(value or "")
    except ValueError:  # a date, which some servers give
        return None
    return seconds if 0 <= seconds < math.inf else None
