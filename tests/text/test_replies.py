"""Replies are kept, paid once, and nothing is sent without consent."""

from __future__ import annotations

import hashlib

import pytest

from counterpoise.errors import SettingsError
from counterpoise.text.language_models import Choose, Reply, Write, about_tokens, one_line
from counterpoise.text.replies import Correspondent
from counterpoise.text.spending import Spending


class Model:
    """Answers with the number of questions it has had."""

    revision = None

    def __init__(self, name: str = "m", address: str | None = None, fail_after: int = 99) -> None:
        self.name, self.address, self.asked, self.fail_after = name, address, [], fail_after

    @property
    def digest(self) -> str:
        return self.name

    identity = digest

    def answers(self, questions):
        # Last one first: replies come in any order.
        for i in reversed(range(len(questions))):
            if len(self.asked) >= self.fail_after:
                raise RuntimeError("out of order")
            self.asked.append(questions[i])
            yield i, Reply(questions[i].prompt.upper(), 1000, 500, 0.25, log_probabilities=(-0.5, -1.0))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def asks(model, **settings) -> Correspondent:
    return Correspondent(model, asker="llm_oversample", **settings)


def test_a_second_time_nobody_is_asked_and_the_replies_are_the_same() -> None:
    questions = [Write(f"p{i}", (), i) for i in range(5)]
    first = asks(Model(), price_in=2.0, price_out=4.0).ask(questions)
    again = Model()
    found = asks(again, price_in=2.0, price_out=4.0).ask(questions)
    assert not again.asked
    assert [a.reply for a in found] == [a.reply for a in first]
    assert [a.reply.text for a in found] == ["P0", "P1", "P2", "P3", "P4"]
    assert not any(a.cached for a in first)
    assert all(a.cached for a in found)
    assert {a.price for a in first + found} == {(1000 * 2.0 + 500 * 4.0) / 1e6}
    assert first[0].prompt_hash == hashlib.sha256(b"p0").hexdigest()[:20]
    assert found[0].reply.log_probabilities == (-0.5, -1.0)


def test_a_prompt_that_is_asked_again_with_another_seed_is_paid_again() -> None:
    answers = asks(Model(), price_in=2.0, price_out=4.0).ask([Write("p", (), seed) for seed in (0, 1, 1)])
    assert Spending.of(answers) == Spending(2, 2000, 1000, pytest.approx(2 * 0.004))


def test_without_prices_there_is_no_price_and_one_alone_counts() -> None:
    (plain,) = asks(Model()).ask([Write("p", (), 0)])
    (priced,) = asks(Model(), price_out=4.0).ask([Write("p", (), 0)])
    assert plain.price is None
    assert priced.price == 0.002


@pytest.mark.parametrize(
    "other",
    [
        Write("q", (), 0),
        Write("p", (), 1),
        Write("p", (), 0, max_tokens=1),
        Write("p", (), 0, temperature=0.5),
        Write("p", (), 0, top_p=0.5),
        Choose("p", ("a", "b")),
    ],
)
def test_whatever_decides_a_reply_is_in_its_key(other) -> None:
    asks(Model()).ask([Write("p", (), 0)])
    model = Model()
    asks(model).ask([Write("p", (), 0), other])
    assert model.asked == [other]


def test_another_model_has_replies_of_its_own() -> None:
    asks(Model()).ask([Write("p", (), 0)])
    other = Model("other")
    asks(other).ask([Write("p", (), 0)])
    assert len(other.asked) == 1


def test_names_of_classes_and_their_order_are_in_the_key() -> None:
    asks(Model()).ask([Choose("p", ("a", "b"))])
    model = Model()
    asks(model).ask([Choose("p", ("a", "b")), Choose("p", ("b", "a")), Choose("p", ("a", "c"))])
    assert len(model.asked) == 2


@pytest.mark.parametrize("wording", ["prompt", "lettered"])
def test_the_wording_of_a_question_is_in_the_key(wording, monkeypatch) -> None:
    asks(Model()).ask([Choose("p", ("a", "b"))])
    monkeypatch.setattr(Choose, wording, property(lambda question: "worded otherwise"))
    model = Model()
    asks(model).ask([Choose("p", ("a", "b"))])
    assert len(model.asked) == 1


def test_equal_questions_are_asked_once() -> None:
    model = Model()
    found = asks(model).ask([Choose("p", ("a", "b"))] * 3)
    assert len(model.asked) == 1
    assert len(found) == 3


def test_what_was_answered_before_a_failure_is_kept() -> None:
    questions = [Write(f"p{i}", (), i) for i in range(5)]
    with pytest.raises(RuntimeError):
        asks(Model(fail_after=3)).ask(questions)
    model = Model()
    asks(model).ask(questions)
    assert len(model.asked) == 2


def test_a_cache_that_cannot_be_written_costs_no_reply(tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    (answer,) = asks(Model()).ask([Write("p", (), 0)])
    assert answer.reply.text == "P"


def test_nothing_is_sent_without_consent_and_the_refusal_says_how_much() -> None:
    model = Model(address="https://example.org/v1")
    questions = [
        Write("x" * 400, ("one", "two"), 0, max_tokens=50),
        Write("y" * 399, ("two", "three"), 1, max_tokens=50),
    ]
    with pytest.raises(SettingsError) as error:
        asks(model).ask(questions)
    assert not model.asked
    assert str(error.value) == (
        "llm_oversample would send 3 texts in 2 prompts, about 300 tokens with the answers, to https://example.org/v1 "
        "(model m), and nothing is sent without consent; give --yes-send on the command line or allow_sending=True in "
        "Python, or a local model"
    )


def test_a_refusal_says_what_may_come_on_top() -> None:
    correspondent = Correspondent(Model(address="here"), asker="it", beyond="and more later")
    with pytest.raises(
        SettingsError, match=r"\(model m\), and more later, and nothing is sent without consent"
    ):
        correspondent.ask([Write("p", ("one",), 0)])


def test_what_is_known_needs_no_consent_and_only_the_rest_is_counted() -> None:
    known = Write("p", ("one",), 0)
    asks(Model(address="here"), allow_sending=True).ask([known])
    assert asks(Model(address="here")).ask([known])[0].cached
    with pytest.raises(SettingsError, match="would send 1 text in 1 prompt, about 131 tokens"):
        asks(Model(address="here")).ask([known, Write("twelve bytes", ("two",), 1)])


def test_a_model_without_an_address_needs_no_consent() -> None:
    assert asks(Model()).ask([Write("p", (), 0)])[0].reply.text == "P"


def test_tokens_are_about_a_quarter_of_the_bytes() -> None:
    assert [about_tokens(text) for text in ("", "a", "four", "fives", "今天")] == [0, 1, 1, 2, 2]


def test_texts_are_quoted_on_one_line() -> None:
    assert one_line(" a\n\tb  c ", 100) == "a b c"
    assert one_line("abc def", 4) == "abc"
