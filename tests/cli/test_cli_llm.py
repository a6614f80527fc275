"""The command line asks a language model only after --yes-send, says what it cost, and compares it with the others."""

from __future__ import annotations

import re

import pyarrow.parquet as pq
import pytest
from cli_helpers import COMMON, RARE

from stub_endpoint import completion, stub
from tiny_causal_model import save_causal_model


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    classes = {"rare": tuple(RARE), "usual": ("she",)}
    return save_causal_model(tmp_path_factory.mktemp("language"), classes, tuple(COMMON))


def answer(body):
    """A text of the rare class where one is asked for, or a letter."""
    prompt = body["messages"][0]["content"]
    if "letter" in prompt:
        text = prompt.rpartition("Text: ")[2]
        return 200, completion("A" if any(word in text for word in RARE) else "B"), {}
    return 200, completion(f"refund for a broken parcel {body['seed']}"), {}


def place(server, prefix=""):
    return ["--set", f"{prefix}model=tiny", "--set", f"{prefix}base_url={server.url}"]


def test_oversample_sends_nothing_without_consent(run, labelled, tmp_path) -> None:
    with stub(answer) as server:
        command = ["oversample", labelled, "--method", "llm_oversample", "-o", tmp_path / "new.parquet"]
        result = run(*command, *place(server), code=2)
        assert "in 96 prompts, about" in result.stderr
        assert f"to {server.url} (model tiny)" in result.stderr
        assert "--yes-send" in result.stderr
        result = run(*command, *place(server), "--set", "allow_sending=true", code=2)
        assert "--set allow_sending is not taken; give --yes-send" in result.stderr
        assert not server.bodies
    assert not (tmp_path / "new.parquet").exists()


def test_oversample_says_what_it_cost_and_a_second_run_costs_nothing(
    run_json, run, labelled, tmp_path
) -> None:
    with stub(answer) as server:
        command = ["oversample", labelled, "--method", "llm_oversample", "--yes-send", *place(server)]
        command += ["--set", "balance=0.25", "--set", "price_in=2", "--set", "price_out=1"]
        (row,) = run_json(*command, "-o", tmp_path / "a.parquet")
        n = len(server.bodies)
        assert row["new_texts"] == 24
        assert row["calls"] == {
            "prompts": n,
            "cached": 0,
            "tokens_in": 100 * n,
            "tokens_out": 10 * n,
            "price": pytest.approx(n * 2.1e-4),
        }
        shown = run(*command, "-o", tmp_path / "b.parquet").output
        assert f"{n} prompts, {n} of them answered before; for the others 0 tokens read" in shown
        assert len(server.bodies) == n
    written = pq.read_table(tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    assert written.schema.names[-5:] == ["prompt_hash", "tokens_in", "tokens_out", "seconds", "price"]
    assert set(written["price"].to_pylist()) == {2.1e-4}


def test_consent_that_nothing_needs_is_refused(run, labelled, model, tmp_path) -> None:
    result = run("oversample", labelled, "-o", tmp_path / "x.csv", "--yes-send", code=2)
    assert "--yes-send has no use: word_swap sends nothing" in result.stderr
    result = run("fit", labelled, "-o", tmp_path / "m", "--yes-send", code=2)
    assert "--yes-send has no use: nothing is sent by auto" in result.stderr


def test_compare_has_rows_of_both(run_json, labelled, local) -> None:
    rows = run_json(
        "compare", labelled, "--methods", "erm,llm_zero_shot,llm_oversample", "--folds", "2", "--max-epochs", "1",
        "--set", f"method__model={local}", "--set", "method__max_tokens=8", "--set", "method__balance=0.1",
        "--set", "backbone__dim=8", "--set", "backbone__vectors=random", "--set", "backbone__n_filters=4",
    )  # fmt: skip
    by_name = {row["method"]: row for row in rows}
    assert by_name.keys() == {"erm", "llm_zero_shot", "llm_oversample"}
    assert by_name["llm_zero_shot"]["average_precision"]["mean"] > 0.9
    assert by_name["llm_zero_shot"]["backbone"] is None
    assert by_name["llm_oversample"]["average_precision"]["mean"] is not None
    for name, what in (
        ("llm_zero_shot", r"\d+ prompts"),
        ("llm_oversample", r"the texts of this fit came of \d+ prompts"),
    ):
        notes = " ".join(by_name[name]["notes"])
        assert re.search(rf"{name}: {what}, [\d,]+ tokens read and [\d,]+ written", notes), notes


def test_compare_tells_of_a_method_that_may_not_send_and_of_one_that_may(run, labelled) -> None:
    with stub(answer) as server:
        command = ["compare", labelled, "--methods", "tfidf_lr,llm_zero_shot", "--folds", "2"]
        result = run(*command, *place(server, "method__"), code=1)
        assert "llm_zero_shot would send" in " ".join(result.output.split())
        assert not server.bodies
        result = run(*command, *place(server, "method__"), "--yes-send")
        assert len(server.bodies) == 160  # each text once
    assert "llm_zero_shot" in result.output


def test_fit_predict_and_evaluate_each_ask_for_consent(run, run_json, labelled, tmp_path) -> None:
    new = tmp_path / "new.csv"
    new.write_text("body\na refund please\nnothing of note\n")
    with stub(answer) as server:
        command = [
            "fit",
            labelled,
            "--method",
            "llm_zero_shot",
            "-o",
            tmp_path / "model",
            *place(server, "method__"),
        ]
        result = run(*command, code=2)
        assert "llm_zero_shot would send" in result.stderr
        assert not server.bodies
        run(*command, "--yes-send")
        sent = len(server.bodies)
        result = run("predict", tmp_path / "model", new, "-o", tmp_path / "s.csv", code=2)
        assert "would send 2 texts" in result.stderr
        assert len(server.bodies) == sent
        run("predict", tmp_path / "model", new, "-o", tmp_path / "s.csv", "--yes-send")
        assert len(server.bodies) == sent + 2
        (row,) = run_json("evaluate", tmp_path / "model", labelled)  # all of these are known
        assert len(server.bodies) == sent + 2
    assert row["average_precision"] > 0.9
    assert (tmp_path / "s.csv").read_text().splitlines()[1].split(",")[1] == "rare"
