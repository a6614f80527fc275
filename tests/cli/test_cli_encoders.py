"""Pretrained encoders on the command line: found in a folder, and said in one sentence where none can be had."""

import shutil

import pytest

from fake_hub import NAME, put, unplug, use_cache
from tiny_encoders import tiny_encoder

FAST = ("--threshold", "0.5", "--max-epochs", "1", "--precision", "float32")


def sentence(result) -> str:
    """The one error of a command that has done nothing."""
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert line == result.stderr.splitlines()[-1]
    assert not result.stdout
    return line


@pytest.mark.parametrize("command", ["compare", "fit", "tune"])
@pytest.mark.parametrize("method", ["encoder_lr", "encoder_lda", "blend"])
def test_without_an_encoder_the_folder_option_is_named(command, method, labelled, run, tmp_path) -> None:
    """No network, and nothing of that name kept from before: said before any work, with what to do."""
    methods = f"tfidf_lr,{method}" if command == "compare" else method
    asked = [command, labelled, "--methods" if command == "compare" else "--method", methods]
    asked += ["-o", tmp_path / "m"] if command == "fit" else []
    error = sentence(run(*asked, "--encoder", "nobody/no-such-encoder", code=2))
    assert "encoder nobody/no-such-encoder could not be had from the Hugging Face Hub" in error
    assert error.endswith("give a local folder that holds one (--encoder FOLDER)")
    assert not list(tmp_path.iterdir())


def test_without_network(labelled, run, run_json, tmp_path, monkeypatch, capfd) -> None:
    """What the cache has is used at once; what it has not is one sentence, and nothing else is printed."""
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("it was tried again"))
    encoder = tiny_encoder()
    capfd.readouterr()  # of making it
    cache = use_cache(monkeypatch, tmp_path / "hub")
    unplug(monkeypatch)
    asked = ("fit", labelled, "--method", "encoder_lr", "--encoder", NAME, "--quiet", *FAST, "-o")
    result = run(*asked, tmp_path / "m", code=2)
    assert result.stderr == f"{sentence(result)}\n"
    assert "(--encoder FOLDER)" in result.stderr
    put(cache, encoder)
    (row,) = run_json(*asked, tmp_path / "m")
    assert row["method"] == "encoder_lr"
    assert capfd.readouterr().err == "", "what huggingface_hub says goes past the runner"


def test_a_backbone_without_an_encoder(labelled, run, tmp_path) -> None:
    asked = ("compare", labelled, "--methods", "erm", "--backbone", "encoder", "--encoder")
    assert "(--encoder FOLDER)" in sentence(run(*asked, "nobody/no-such-encoder", code=2))
    vision = shutil.copytree(tiny_encoder(), tmp_path / "vision")
    (vision / "config.json").write_text('{"model_type": "vit"}')
    assert "model of kind 'vit' and no encoder of texts" in sentence(run(*asked, vision, code=2))


def test_a_folder_serves_all_methods_that_have_an_encoder(labelled, run_json) -> None:
    asked = ("--folds", "2", "--encoder", tiny_encoder(), *FAST)
    rows = run_json("compare", labelled, "--methods", "encoder_lr,encoder_lda,blend", *asked)
    assert [row["method"] for row in rows] == ["encoder_lr", "encoder_lda", "blend"]
    assert rows[0]["settings"]["method__encoder"] == tiny_encoder()


def test_setfit_wants_an_encoder_that_is_trained(labelled, run, run_json, tmp_path) -> None:
    asked = ("fit", labelled, "--method", "setfit", "--backbone", "encoder", "--encoder", tiny_encoder())
    error = sentence(run(*asked, "-o", tmp_path / "m", code=2))
    assert "setfit trains the backbone, but 'encoder' is frozen; give backbone__frozen=false" in error
    assert not list(tmp_path.iterdir())
    trained = ("--set", "backbone__frozen=false", "--set", "method__pairs=1", *FAST)
    (row,) = run_json(*asked, *trained, "-o", tmp_path / "m")
    assert (row["method"], row["backbone"]) == ("setfit", "encoder")


def test_points_between_vectors_of_a_frozen_encoder(labelled, run, run_json, tmp_path) -> None:
    asked = ("fit", labelled, "--method", "smote", "--backbone", "encoder", "--encoder", tiny_encoder())
    assert "uses no backbone on text data with the settings it has" in sentence(
        run(*asked, "-o", tmp_path / "m", code=2)
    )
    (row,) = run_json(*asked, "--set", "method__space=embedding", *FAST, "-o", tmp_path / "m")
    assert (row["method"], row["backbone"]) == ("smote", "encoder")


def test_an_encoder_that_has_moved_is_found_by_its_option(
    labelled, run, run_json, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = shutil.copytree(tiny_encoder(), tmp_path / "encoder")
    model, out = tmp_path / "model", tmp_path / "out"
    run("fit", labelled, "--method", "encoder_lr", "--encoder", folder, *FAST, "-o", model)
    kept = run("predict", model, labelled).stdout
    (tmp_path / "new").mkdir()
    shutil.copy(labelled, tmp_path / "new" / "one.csv")
    folder.rename(tmp_path / "moved")
    monkeypatch.chdir(tmp_path)
    for asked in (("predict", model, labelled), ("evaluate", model, labelled)):
        assert "--pretrained FOLDER" in sentence(run(*asked, code=2))
    assert run("predict", model, labelled, "--pretrained", "moved").stdout == kept
    assert (
        run_json("evaluate", model, labelled, "--pretrained", "moved")[0]["rows"]
        == len(kept.splitlines()) - 1
    )
    run("predict", model, "new/*.csv", "--pretrained", "moved", "-o", out)
    assert (out / "one.csv").read_text() == kept
