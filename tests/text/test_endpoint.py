"""A model at an address: what is sent, what is done when it fails, and that nothing goes out that should not."""

from __future__ import annotations

import itertools
import time

import httpx2
import numpy as np
import pytest
import torch

from counterpoise.errors import EndpointError, SettingsError
from counterpoise.text import endpoint
from counterpoise.text.language_models import Choose, ModelSource, Write
from counterpoise.text.replies import Correspondent
from stub_endpoint import completion, says, stub

WRITE = Write("Text: win cash\nText:", ("win cash",), seed=7, max_tokens=9, temperature=0.5, top_p=0.8)
CHOOSE = Choose("win cash", ("ham", "spam"))
CPU = torch.device("cpu")
KEY = "sk-secret-123"


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(endpoint, "FIRST_WAIT", 0.001)
    monkeypatch.delenv("COUNTERPOISE_API_KEY", raising=False)


def asked(url: str, questions, **settings):
    model = ModelSource("tiny", base_url=url, **settings).open(CPU)
    found = dict(model.answers(questions))
    return [found[i] for i in range(len(questions))]


def test_a_request_has_what_was_asked_and_no_more() -> None:
    with stub(says(" claim it ")) as server:
        (reply,) = asked(server.url, [WRITE])
    assert (reply.text, reply.tokens_in, reply.tokens_out, reply.refused) == (" claim it ", 100, 10, False)
    assert 0 < reply.seconds < 60
    assert server.paths == ["/v1/chat/completions"]
    assert server.bodies == [
        {
            "model": "tiny",
            "messages": [{"role": "user", "content": WRITE.prompt}],
            "max_tokens": 9,
            "temperature": 0.5,
            "top_p": 0.8,
            "seed": 7,
            "stop": ["\nText:"],
        }
    ]
    assert "Authorization" not in server.headers[0]


def test_further_fields_go_with_it_and_none_leaves_one_away() -> None:
    with stub(says("x")) as server:
        asked(server.url + "/", [WRITE], request={"max_tokens": None, "max_completion_tokens": 3})
    assert "max_tokens" not in server.bodies[0]
    assert server.bodies[0]["max_completion_tokens"] == 3


def test_the_key_comes_from_the_environment_alone(monkeypatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    with stub(says("x")) as server:
        asked(server.url, [WRITE], api_key_env="MY_KEY")
        asked(server.url, [WRITE], api_key_env=None)
        asked(server.url, [WRITE])
    assert [headers.get("Authorization") for headers in server.headers] == [f"Bearer {KEY}", None, None]


@pytest.mark.parametrize("held", ["sk-one\nsk-two", "clé", "a key", "key\t1"])
def test_what_is_no_key_is_refused_and_not_shown(held, monkeypatch) -> None:
    monkeypatch.setenv("MY_KEY", held)
    with stub(says("x")) as server:
        with pytest.raises(
            SettingsError, match="the environment variable MY_KEY holds something that is no key"
        ) as error:
            asked(server.url, [WRITE], api_key_env="MY_KEY")
        assert not server.bodies
    assert held not in str(error.value)


def test_without_a_key_nothing_goes_to_another_machine(monkeypatch) -> None:
    monkeypatch.setattr(endpoint.Endpoint, "_posted", lambda *_: pytest.fail("something was sent"))
    with pytest.raises(
        SettingsError, match=r"COUNTERPOISE_API_KEY holds no key for https://example.org/v1; set it"
    ):
        asked("https://example.org/v1", [WRITE])


def test_a_server_on_this_machine_is_asked_past_all_proxies(monkeypatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with stub(says("x")) as server:
        assert asked(server.url, [WRITE])[0].text == "x"


@pytest.mark.parametrize(
    ("url", "settings", "message"),
    [
        ("example.org/v1", {}, "give an address such as"),
        ("ftp://example.org", {}, "give an address such as"),
        ("http://host:99999999/v1", {}, "give an address such as"),
        ("https://me:pass@example.org/v1", {}, "holds a user, a password or a query"),
        ("https://example.org/v1?key=1", {}, "holds a user, a password or a query"),
        ("http://example.org/v1", {}, "a key would go there in clear text"),
    ],
)
def test_addresses_that_cannot_be_are_refused(url, settings, message) -> None:
    with pytest.raises(SettingsError, match=message):
        ModelSource("tiny", base_url=url, **settings).open(CPU)


def test_an_address_in_clear_text_is_allowed_without_a_key() -> None:
    ModelSource("tiny", base_url="http://example.org/v1", api_key_env=None).open(CPU)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_is_busy_is_asked_again(status) -> None:
    count = itertools.count()
    with stub(lambda body: (status, "busy", {}) if next(count) < 3 else (200, completion("x"), {})) as server:
        (reply,) = asked(server.url, [WRITE])
    assert reply.text == "x"
    assert len(server.bodies) == 4


def test_waits_double_unless_the_server_says_how_long(monkeypatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(endpoint, "FIRST_WAIT", 1.0)
    monkeypatch.setattr(
        endpoint.threading.Event, "wait", lambda self, seconds=None: waits.append(seconds) or False
    )
    answers = iter(
        [
            {},
            {"Retry-After": "7"},
            {},
            {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"},
            {"Retry-After": "999"},
        ]
    )

    class Client:
        def post(self, url: str, **_: object) -> httpx2.Response:
            return httpx2.Response(
                429, headers=next(answers, {}), text="busy", request=httpx2.Request("POST", url)
            )

    model = ModelSource("tiny", base_url="http://localhost:1/v1").open(CPU)
    with pytest.raises(EndpointError, match="6 times in a row"):
        model._posted(Client(), {})
    assert waits == [1.0, 7.0, 4.0, 8.0, 60.0]


def test_what_stays_busy_is_told_and_what_was_answered_is_kept() -> None:
    def answer(body):
        bad = "bad" in body["messages"][0]["content"]
        return (429, {"error": {"message": "slow down"}}, {}) if bad else (200, completion("fine"), {})

    good = [Write(f"prompt {i}", (), i) for i in range(5)]
    bad = Write("bad", (), 0)
    with stub(answer) as server:
        source = ModelSource("busy", base_url=server.url)
        with pytest.raises(EndpointError, match=r"status 429 6 times in a row \(slow down\); .* goes on"):
            Correspondent(source.open(CPU), asker="x", allow_sending=True).ask([*good, bad])
        server.bodies.clear()
        found = Correspondent(source.open(CPU), asker="x").ask(good)
        assert not server.bodies
    assert [answer.reply.text for answer in found] == ["fine"] * 5


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (401, {"error": {"message": f"bad key {KEY}"}}, "refuses the key in MY_KEY"),
        (403, "no", "refuses the key in MY_KEY"),
        (404, {"error": {"message": "no such model"}}, r"knows no model 'tiny', .*no such model"),
        (
            400,
            {"error": {"message": f"bad field, {KEY}"}},
            r"refuses the request \(status 400: bad field, \*\*\*\)",
        ),
        (302, "elsewhere", "refuses the request|status 302"),
        (200, "<html>hello</html>", r"no chat completion \(<html>hello</html>\)"),
        (200, {"choices": []}, "no chat completion"),
        (200, {"choices": [{"message": {"content": 3}}]}, "no chat completion"),
        (200, [1], "no chat completion"),
    ],
)
def test_errors_are_one_sentence_without_the_key_and_not_asked_again(
    status, body, message, monkeypatch
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    with stub(lambda _: (status, body, {})) as server, pytest.raises(EndpointError, match=message) as error:
        asked(server.url, [WRITE], api_key_env="MY_KEY")
    assert len(server.bodies) == 1
    assert "\n" not in str(error.value)
    assert KEY not in str(error.value)


def test_an_address_that_does_not_answer_is_told_at_once() -> None:
    with stub(says("x")) as server:
        pass
    with pytest.raises(EndpointError, match=r"does not answer \(ConnectError.*check base_url"):
        asked(server.url, [WRITE])


def test_silence_ends_with_the_timeout(monkeypatch) -> None:
    monkeypatch.setattr(endpoint, "RETRIES", 1)

    def slow(body):
        time.sleep(0.3)
        return 200, completion("x"), {}

    with stub(slow) as server, pytest.raises(EndpointError, match=r"does not answer.*Timeout"):
        asked(server.url, [WRITE], timeout=0.05)
    assert len(server.bodies) == 2


@pytest.mark.parametrize(
    "choice", [{"message": {"refusal": "I will not"}}, {"finish_reason": "content_filter"}], ids=str
)
def test_a_refusal_of_the_model_is_no_text(choice) -> None:
    with stub(says("I cannot", **choice)) as server:
        (reply,) = asked(server.url, [WRITE])
    assert reply.refused
    assert reply.text == ""


def test_classes_are_asked_by_letters_and_read_from_what_is_listed() -> None:
    listed = [{"token": "B", "logprob": np.log(0.6)}, {"token": "A", "logprob": np.log(0.2)}]
    with stub(says("B", logprobs={"content": [{"top_logprobs": listed}]})) as server:
        (reply,) = asked(server.url, [CHOOSE])
    np.testing.assert_allclose(np.exp(reply.log_probabilities), [0.25, 0.75])
    assert "A: ham\nB: spam\n\nText: win cash\n" in server.prompts[0]
    assert server.bodies[0] | {"logprobs": True, "top_logprobs": 20, "temperature": 0} == server.bodies[0]


@pytest.mark.parametrize("refuses", [False, True])
def test_without_log_probabilities_the_answer_counts(refuses) -> None:
    def answer(body):
        if refuses and "logprobs" in body:
            return 400, {"error": {"message": "logprobs is not supported"}}, {}
        return 200, completion("B"), {}

    with stub(answer) as server:
        found = asked(server.url, [CHOOSE, Choose("see you", ("ham", "spam"))])
    for reply in found:
        np.testing.assert_allclose(np.exp(reply.log_probabilities), [0.025, 0.975])
    assert ("logprobs" in server.bodies[-1]) == (not refuses)


def test_more_classes_than_letters_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"there are 27 classes, .* at most 26"):
        asked("http://localhost:1/v1", [Choose("x", tuple(map(str, range(27))))])


def test_many_are_asked_at_a_time_and_come_back_to_their_places() -> None:
    def answer(body):
        return 200, completion(body["messages"][0]["content"].upper()), {}

    with stub(answer) as server:
        found = asked(server.url, [Write(f"text {i}", (), i) for i in range(40)])
    assert [reply.text for reply in found] == [f"TEXT {i}" for i in range(40)]
    assert len(server.bodies) == 40
