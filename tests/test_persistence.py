"""Model folders: what they hold, what they refuse, and that another process reads the same probabilities."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from counterpoise import ArrayClassifier, TextClassifier, load_model
from counterpoise.errors import CounterpoiseWarning, ModelError, OutputError

FILES = {"model.safetensors", "config.json", "vocabulary.txt", "README.md"}
METHODS = ["tfidf_lr", "word_swap"]
pytestmark = pytest.mark.filterwarnings("ignore::counterpoise.errors.CounterpoiseWarning")


def make(method: str, spam, tiny, **settings) -> TextClassifier:
    if method != "tfidf_lr":
        settings = (
            {"max_epochs": 2, "precision": "float32", "threshold_folds": 2} | tiny["textcnn"] | settings
        )
    return TextClassifier(method, random_state=0, **settings).fit(*spam)


@pytest.fixture(scope="module")
def saved(spam, tiny, tmp_path_factory) -> dict[str, tuple[Path, TextClassifier]]:
    folder = tmp_path_factory.mktemp("models")
    models = {method: (folder / method, make(method, spam, tiny)) for method in METHODS}
    for path, classifier in models.values():
        classifier.save(path, data="a test corpus")
    return models


@pytest.fixture
def copied(saved, tmp_path) -> Path:
    import shutil

    return Path(shutil.copytree(saved["tfidf_lr"][0], tmp_path / "model"))


@pytest.mark.parametrize("method", METHODS)
def test_a_folder_holds_exactly_four_files(method, saved) -> None:
    path, classifier = saved[method]
    assert {file.name for file in path.iterdir()} == FILES
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    assert config["format_version"] == 1
    assert config["estimator"] == "TextClassifier"
    assert (config["method"], config["classes"], config["pos_label"]) == (method, ["ham", "spam"], "spam")
    assert config["params"]["random_state"] == 0
    assert [p.name for p in path.parent.iterdir() if p.name.startswith(".")] == []
    assert classifier.threshold_note_ in (path / "README.md").read_text()


@pytest.mark.parametrize("method", METHODS)
def test_no_training_text_is_saved(method, saved, spam) -> None:
    """Neither whole texts nor runs of four of their words, anywhere in the folder; words only in the vocabulary."""
    path, _ = saved[method]
    for file in FILES:
        content = (path / file).read_bytes().decode("utf-8", errors="ignore").lower()
        for text in spam[0]:
            words = text.lower().split()
            assert not any(" ".join(words[i : i + 4]) in content for i in range(len(words) - 3)), file
    for file in FILES - {"vocabulary.txt"}:
        content = (path / file).read_bytes().decode("utf-8", errors="ignore")
        assert not re.search(r"word\d|sign\d", content), file


def test_the_card_is_filled_in(saved) -> None:
    card = (saved["tfidf_lr"][0] / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: counterpoise\n")
    for fact in (
        "# tfidf_lr",
        "a test corpus",
        "125 rows",
        "imbalance ratio 4.0",
        "| ham | 100 |",
        "| spam | 25 |",
    ):
        assert fact in card
    assert "Class of interest: `spam`" in card
    assert "| average_precision | " in card
    assert "No rows were held out" not in card
    assert "# word_swap on textcnn" in (saved["word_swap"][0] / "README.md").read_text()


_READER = """
import sys
import numpy as np
import torch
torch.set_num_threads(1)
import counterpoise
texts = np.load(sys.argv[1], allow_pickle=True)
for folder in sys.argv[2:]:
    model = counterpoise.load_model(folder)
    np.save(folder + ".npy", np.column_stack([model.predict_proba(texts), model.decision_function(texts)]))
"""


def test_another_process_gives_the_same_probabilities(saved, spam, tmp_path) -> None:
    np.save(tmp_path / "texts.npy", spam[0])
    command = [
        sys.executable,
        "-c",
        _READER,
        str(tmp_path / "texts.npy"),
        *(str(path) for path, _ in saved.values()),
    ]
    subprocess.run(command, check=True, timeout=120, env={**os.environ, "OMP_NUM_THREADS": "1"})
    for path, classifier in saved.values():
        found = np.load(f"{path}.npy")
        np.testing.assert_allclose(found[:, :2], classifier.predict_proba(spam[0]), atol=1e-7)
        np.testing.assert_allclose(found[:, 2], classifier.decision_function(spam[0]), atol=1e-5)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "vocabulary.txt"])
@pytest.mark.parametrize("change", ["missing", "shorter", "one byte", "foreign", "folder"])
def test_a_changed_file_is_refused_by_name(name, change, copied, saved) -> None:
    file = copied / name
    content = bytearray(file.read_bytes())
    if change == "missing":
        file.unlink()
    elif change == "shorter":
        file.write_bytes(content[:-7])
    elif change == "one byte":
        # A byte of meaning, not of white space: a digit in the middle of the file, or any other byte.
        at = next(
            (i for i in range(len(content) // 2, len(content)) if chr(content[i]).isdigit()),
            len(content) // 2,
        )
        content[at] = ord("7") if content[at] != ord("7") else ord("8")
        file.write_bytes(content)
    elif change == "foreign":
        other = saved["word_swap"][0] / name
        file.write_bytes(other.read_bytes() if name != "config.json" else b'{"model_type": "bert"}')
    else:
        file.unlink()
        file.mkdir()
    for load in (load_model, TextClassifier.load):
        wanted = f"has no {name}" if change == "missing" else name
        with pytest.raises(ModelError, match=re.escape(wanted)) as error:
            load(copied)
        assert "\n" not in str(error.value)


def test_a_config_of_another_model_is_refused(copied, saved) -> None:
    (copied / "config.json").write_bytes((saved["word_swap"][0] / "config.json").read_bytes())
    with pytest.raises(ModelError, match="is not the file that was saved with this model"):
        load_model(copied)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"null", b"\xff\xfe", b'{"format_version": 1}', b"3"])
def test_a_config_that_is_none_is_refused(content, copied) -> None:
    (copied / "config.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"config.json is not that of a Counterpoise model"):
        load_model(copied)


def test_a_newer_format_is_refused(copied) -> None:
    config = json.loads((copied / "config.json").read_text(encoding="utf-8"))
    (copied / "config.json").write_text(json.dumps({**config, "format_version": 2}), encoding="utf-8")
    with pytest.raises(ModelError, match=r"format version 2, this Counterpoise reads 1"):
        load_model(copied)


class Planted:
    """Unpickling it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("load", [load_model, TextClassifier.load])
def test_what_else_is_in_the_folder_is_named_and_not_read(load, copied, saved, spam, tmp_path) -> None:
    for name in ("model.pkl", "weights.bin", ".gitattributes"):
        (copied / name).write_bytes(pickle.dumps(Planted(tmp_path / "run")))
    (copied / "more").mkdir()
    with pytest.warns(CounterpoiseWarning) as warned:
        loaded = load(copied)
    (warning,) = warned
    assert str(warning.message) == (
        f"model folder {copied} also holds 'model.pkl', 'more', 'weights.bin'; only the model's own files are read"
    )
    assert warning.filename == __file__
    assert not (tmp_path / "run").exists()
    expected = saved["tfidf_lr"][1].predict_proba(spam[0])
    np.testing.assert_array_equal(loaded.predict_proba(spam[0]), expected)


def test_the_card_may_be_edited_and_hidden_files_pass(copied) -> None:
    (copied / "README.md").write_text("# Ours\n")
    (copied / ".gitattributes").write_text("*.safetensors filter=lfs\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_model(copied)


def test_what_is_no_folder_is_refused(tmp_path, saved, arrays_of) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        load_model(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelError, match="is a file"):
        load_model(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"has no config.json"):
        load_model(tmp_path / "empty")
    with pytest.raises(ModelError, match="holds a TextClassifier, not a ArrayClassifier"):
        ArrayClassifier.load(saved["tfidf_lr"][0])


def test_a_model_is_replaced_by_another(copied, saved, spam) -> None:
    classifier = saved["word_swap"][1]
    classifier.save(copied)
    assert {file.name for file in copied.iterdir()} == FILES
    np.testing.assert_array_equal(
        load_model(copied).predict_proba(spam[0]), classifier.predict_proba(spam[0])
    )
    assert list(copied.parent.iterdir()) == [copied]


OTHERS = [{"notes.txt": "mine"}, {"config.json": '{"model_type": "bert"}', "weights.bin": "w"}]


@pytest.mark.parametrize("content", OTHERS, ids=["notes", "bert"])
def test_a_folder_of_something_else_is_never_replaced(content, saved, tmp_path) -> None:
    for name, text in content.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(OutputError):
        saved["tfidf_lr"][1].save(tmp_path)
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == content


def test_a_model_with_a_stranger_in_its_folder_is_not_replaced(copied, saved) -> None:
    (copied / "my notes.txt").write_text("mine")
    with pytest.raises(OutputError):
        saved["tfidf_lr"][1].save(copied)
    assert (copied / "my notes.txt").read_text() == "mine"


def test_saving_into_an_empty_folder_and_where_there_is_none(saved, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    saved["tfidf_lr"][1].save(tmp_path / "empty")
    assert {file.name for file in (tmp_path / "empty").iterdir()} == FILES
    with pytest.raises(OutputError, match="no folder"):
        saved["tfidf_lr"][1].save(tmp_path / "a" / "b")


def test_labels_as_keys_of_class_weights_come_back(texts_of, tmp_path) -> None:
    texts, labels = texts_of((12,) * 12)
    weights = {np.int64(2): 2.0, 10: np.float32(3.0), 9: 1.5}
    TextClassifier(class_weight=weights, random_state=0).fit(texts, labels).save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    assert loaded.class_weight == {2: 2.0, 10: 3.0, 9: 1.5}
    loaded.fit(texts, labels)


def test_numpy_settings_and_generators_can_be_saved(spam, tiny, tmp_path) -> None:
    costs = np.array([[0, 1], [5, 0]])
    settings = {"backbone__dim": np.int64(6), "backbone__widths": (2, 3), "threshold_metric": costs}
    more = {"method__gamma": np.float32(1.5), "learning_rate": np.float64(0.01)}
    classifier = make("focal", spam, tiny, **settings, **more)
    classifier.set_params(random_state=np.random.RandomState(0)).save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    assert loaded.random_state is None
    assert loaded.method__gamma == 1.5
    np.testing.assert_array_equal(loaded.predict_proba(spam[0]), classifier.predict_proba(spam[0]))
    loaded.fit(*spam)


def test_a_vocabulary_of_strange_words(tmp_path, tiny) -> None:
    texts = ["a£5 b\x1fc d\x85e f\u2028g 免费 🎉 <unk> <pad>", "naïve l'été \u200b 'quoted' \\n \"x\""] * 12
    labels = [0, 1] * 12
    for method, settings in (
        ("tfidf_lr", {}),
        ("erm", {"max_epochs": 1, "precision": "float32", **tiny["textcnn"]}),
    ):
        classifier = TextClassifier(method, random_state=0, **settings).fit(texts, labels)
        classifier.save(tmp_path / method)
        loaded = load_model(tmp_path / method)
        np.testing.assert_array_equal(loaded.predict_proba(texts), classifier.predict_proba(texts))


def test_fitted_attributes_come_back(saved, spam) -> None:
    for path, classifier in saved.values():
        loaded = load_model(path)
        assert loaded.get_params() == classifier.get_params()
        assert loaded.threshold_note_ == classifier.threshold_note_
        assert loaded.history_ == classifier.history_
        assert loaded.fitted_.scores == classifier.fitted_.scores
        assert loaded.fitted_.scored_on == classifier.fitted_.scored_on == "out-of-fold"
        np.testing.assert_array_equal(loaded.thresholds_, classifier.thresholds_)
        np.testing.assert_array_equal(loaded.class_counts_, classifier.class_counts_)
        a, b = loaded.embed(spam[0]), classifier.embed(spam[0])
        np.testing.assert_array_equal(*(e.toarray() if hasattr(e, "toarray") else e for e in (a, b)))
