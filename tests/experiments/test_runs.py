"""Runs and their keys: what changes a row changes the key, and nothing else does."""

from __future__ import annotations

import json
import pickle
import shutil
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.errors import SettingsError
from counterpoise.experiments.runs import Run, canonical, content_hash, json_value
from counterpoise.experiments.surroundings import LIBRARIES, Surroundings
from counterpoise.methods.registry import make_method
from counterpoise.training import precision
from tiny_encoders import tiny_encoder

FIELDS = {
    "dataset": "sms_spam",
    "content": "00",
    "minority": "spam",
    "keep": 0.1,
    "method": "erm",
    "method_settings": {"a": 1, "b": [2.5, None]},
    "backbone": "textcnn",
    "backbone_settings": {"dim": 8},
    "estimator": {"threshold": "tune", "precision": "float32", "max_epochs": 2},
    "n_folds": 5,
    "fold": 0,
    "seed": 0,
    "trials": 0,
}
OTHERS = {
    "dataset": ["sms", ""],
    "content": ["01"],
    "minority": ["ham", None],
    "keep": [0.2, 1, 1.0, None],
    "method": ["focal"],
    "method_settings": [
        {},
        {"a": 1.0, "b": [2.5, None]},
        {"a": True, "b": [2.5, None]},
        {"a": 1, "b": [None, 2.5]},
    ],
    "backbone": ["textrnn", None],
    "backbone_settings": [{}, {"dim": 9}, {"dim": "8"}, {"dims": 8}],
    "estimator": [{}, {"threshold": None}, {"threshold": "tune", "precision": "auto", "max_epochs": 2}],
    "n_folds": [3],
    "fold": [1],
    "seed": [1],
    "trials": [3],
}
PLACE = Surroundings("ab", "cpu", "float32", 1, {"torch": "2", "numpy": "1"})
OTHER_PLACES = {
    "source": "ac",
    "device": "cuda",
    "precision": "bfloat16",
    "threads": 2,
    "versions": {"torch": "2", "numpy": "1.1"},
}
SETTINGS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
DICTS = st.dictionaries(st.text(max_size=3), SETTINGS, max_size=4)


def run(**changed) -> Run:
    return Run(**{**FIELDS, **changed})


def turned(value):
    """Dicts with their keys the other way round."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_changes_the_key(name) -> None:
    assert set(OTHERS) == set(FIELDS) == set(asdict(run())) - {"thinned_as"}
    keys = [run().key_in(PLACE), *(run(**{name: other}).key_in(PLACE) for other in OTHERS[name])]
    assert len(set(keys)) == len(keys)
    assert run(**{name: OTHERS[name][0]}) != run()


@pytest.mark.parametrize("name", OTHER_PLACES)
def test_all_surroundings_change_the_key(name) -> None:
    assert set(OTHER_PLACES) == set(asdict(PLACE))
    assert run().key_in(replace(PLACE, **{name: OTHER_PLACES[name]})) != run().key_in(PLACE)


@settings(max_examples=60)
@given(DICTS, st.sampled_from(["method_settings", "backbone_settings", "estimator"]))
def test_the_order_of_settings_does_not_matter(value, name) -> None:
    one, other = run(**{name: value}), run(**{name: turned(value)})
    assert one == other
    assert hash(one) == hash(other)
    assert one.key_in(PLACE) == other.key_in(PLACE)


@settings(max_examples=60)
@given(DICTS, DICTS)
def test_other_settings_are_another_key(one, other) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (run(estimator=one).key_in(PLACE) == run(estimator=other).key_in(PLACE)) == same


@settings(max_examples=40)
@given(DICTS)
def test_fields_go_through_json(value) -> None:
    first = run(method_settings=value)
    again = Run.from_fields(json.loads(canonical(first.fields)))
    assert again == first == pickle.loads(pickle.dumps(first))
    assert again.key_in(PLACE) == first.key_in(PLACE)


def test_a_setting_does_not_move_between_its_owners() -> None:
    rates = [run(**{name: {"rate": 1}}) for name in ("method_settings", "backbone_settings", "estimator")]
    assert len({each.key_in(PLACE) for each in rates}) == 3


def test_the_key_is_the_hash_that_it_is() -> None:
    """By hand: a change of this key makes every store on every disk one of other runs."""
    import hashlib

    text = json.dumps(
        {"run": run().fields, "surroundings": asdict(PLACE)}, sort_keys=True, separators=(",", ":")
    )
    assert run().key_in(PLACE) == hashlib.sha256(text.encode()).hexdigest()[:20]


def test_what_a_run_is_held_against_is_in_the_key_where_it_is_given_alone() -> None:
    assert run().fields == FIELDS, "or rows from before would be of other runs"
    whole, others = run(keep=None), [run(keep=None, thinned_as=kept) for kept in (0.1, 0.2, 59)]
    assert len({each.key_in(PLACE) for each in (whole, *others, run())}) == 5
    assert others[0] == run(keep=None, thinned_as="10%") == Run.from_fields(others[0].fields)
    for keep, kept in ((0.1, 0.1), (None, "exponential:10")):
        with pytest.raises(SettingsError, match="give a share or count of one class, and no keep beside it"):
            run(keep=keep, thinned_as=kept)


def test_numpy_and_tuples_are_json() -> None:
    given = {"a": np.int64(1), "b": (np.float64(2.5), None)}
    assert run(method_settings=given) == run()
    assert run(fold=np.int64(0), seed=np.int64(0)).key_in(PLACE) == run().key_in(PLACE)
    assert json_value(np.array([[0, 1], [5, 0]]), "cost") == [[0, 1], [5, 0]]
    assert json_value(np.bool_(True), "x") is True


@pytest.mark.parametrize("keep", ["10%", "0.1", " 0.10 ", np.float64(0.1)])
def test_keep_is_what_it_means(keep) -> None:
    assert run(keep=keep) == run()


def test_settings_are_a_copy() -> None:
    given = {"sizes": [3, 4]}
    made = run(backbone_settings=given)
    key = made.key_in(PLACE)
    given["sizes"].append(5)
    made.fields["backbone_settings"]["sizes"].append(5)
    assert made.key_in(PLACE) == key


@pytest.mark.parametrize(
    "value", [object(), {1: 2}, float("nan"), float("inf"), {"a": {1, 2}}, b"x", [{None: 1}]]
)
def test_what_json_cannot_hold_is_refused(value) -> None:
    with pytest.raises(SettingsError, match=r"^estimator.* of a run is "):
        run(estimator={"x": value})


@pytest.mark.parametrize("changed", [{"fold": 5}, {"fold": -1}, {"keep": 0}, {"keep": "many"}])
def test_impossible_runs_are_refused(changed) -> None:
    with pytest.raises(SettingsError):
        run(**changed)


def test_content_hash() -> None:
    texts, labels = ["ab", "c", "d"], ["x", "y", "x"]
    plain = content_hash(texts, labels)
    others = [
        content_hash(["a", "bc", "d"], labels),
        content_hash(["c", "ab", "d"], ["y", "x", "x"]),
        content_hash(texts, ["x", "y", "y"]),
        content_hash(texts[:2], labels[:2]),
        content_hash(texts, labels, groups=[0, 1, 1]),
        content_hash(texts, labels, groups=["0", "1", "1"]),
        content_hash(texts, labels, time=[0, 1, 1]),
        content_hash(texts, labels, time=[0.0, 1.0, 1.5]),
        content_hash(texts, [0, 1, 0]),
        content_hash(texts, ["0", "1", "0"]),
        content_hash(texts, [False, True, False]),
    ]
    assert len({plain, *others}) == 12
    assert content_hash(["astr", "b"], "xy") != content_hash(["a", "strb"], "xy")  # kinds are no separators
    for kind in (object, str):
        assert content_hash(np.array(texts, dtype=object), np.array(labels, dtype=kind)) == plain
    assert content_hash(texts, np.array([0, 1, 0], dtype=np.int32)) == content_hash(texts, [0, 1, 0])
    days = np.array(["2020-01-01", "2020-01-02", "2020-01-03"], dtype="M8[D]")
    assert content_hash(texts, labels, time=days) == content_hash(texts, labels, time=days.astype("M8[s]"))


def test_surroundings_here() -> None:
    place = Surroundings.here(run(method_settings={}))
    assert (place.device, place.precision, place.threads) == (
        "cuda" * torch.cuda.is_available() or "cpu",
        "float32",
        1,
    )
    assert set(place.versions) == {"python", *LIBRARIES}
    assert place.versions["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert run(method_settings={}).key == run(method_settings={}).key_in(place)


def test_what_trains_no_network_itself_has_the_device_of_its_sampler() -> None:
    place = Surroundings.here(
        run(method="tfidf_lr", method_settings={"sampler": "miso"}, backbone=None, backbone_settings={})
    )
    network = Surroundings.here(run(method="miso", method_settings={}))
    assert (place.device, place.precision) == (network.device, network.precision)


def test_an_encoders_weights_belong_to_the_key(tmp_path) -> None:
    folder = shutil.copytree(tiny_encoder(), tmp_path / "encoder")
    asked = run(method_settings={}, backbone="encoder", backbone_settings={"name": str(folder)})
    key = asked.key
    assert Surroundings.here(asked).versions["encoder"].endswith(transformers.__version__)
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(bytes(content))
    assert asked.key != key
    assert "encoder" not in Surroundings.here(run(method_settings={})).versions


def test_probes_belong_to_the_key(monkeypatch) -> None:
    probed = run(method_settings={}, backbone="textrnn", estimator={"precision": "auto", "device": "cpu"})
    keys = set()
    for answer in ("float32", "bfloat16"):
        monkeypatch.setattr(precision, "remembered", lambda *question, answer=answer: answer)
        keys.add(probed.key)
    assert len(keys) == 2


def test_networks_that_do_not_gain_have_one_key_on_all_processors(monkeypatch) -> None:
    keys = set()
    for answer in ("float32", "bfloat16"):
        monkeypatch.setattr(precision, "remembered", lambda *question, answer=answer: answer)
        for backbone in ("textcnn", None):
            settings = {"backbone": backbone, "backbone_settings": {}, "method_settings": {}}
            keys.add(run(**settings, estimator={"precision": "auto", "device": "cpu"}).key)
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("method", "settings", "tells"),
    [
        ("miso", {}, True),
        ("miso", {"preset": "paper"}, True),
        ("miso", {"generator": "edit"}, False),
        ("miso_edit", {}, False),
        ("cag", {}, True),
        ("word_swap", {}, False),
        ("tfidf_lr", {"sampler": "miso"}, True),
        ("tfidf_lr", {"sampler": "miso_edit"}, False),
        ("tfidf_lr", {}, False),
        ("blend", {"members": ["tfidf_lr", "miso"]}, True),
        ("blend", {"members": ["tfidf_lr", "char_lr"], "settings": {"char_lr": {"sampler": "cag"}}}, True),
        ("blend", {"members": ["tfidf_lr", "miso_edit"]}, False),
    ],
)
def test_a_decoders_number_format_belongs_to_the_key_and_leaves_the_classifiers_alone(
    method, settings, tells, monkeypatch
) -> None:
    """The network is the same on all processors; the decoder is trained in whatever format is fastest."""
    trained = make_method(method, settings).trains_backbone("text")
    asked = run(
        method=method,
        method_settings=settings,
        backbone="textcnn" if trained else None,
        backbone_settings={},
        estimator={"precision": "auto", "device": "cpu"},
    )
    places = []
    for answer in ("float32", "bfloat16"):
        monkeypatch.setattr(precision, "remembered", lambda *question, answer=answer: answer)
        places.append(Surroundings.here(asked))
        assert places[-1].versions.get("sampler's arithmetic") == (answer if tells else None)
        assert places[-1].precision == "float32"
    assert (asked.key_in(places[0]) != asked.key_in(places[1])) == tells


@pytest.mark.parametrize(
    ("method", "settings", "told"),
    [
        ("miso", {"precision": "float32"}, "float32"),
        ("cag", {"precision": "bfloat16"}, "bfloat16"),
        ("miso_edit", {}, None),
        (
            "blend",
            {"members": ["tfidf_lr", "miso"], "settings": {"miso": {"precision": "float32"}}},
            "float32",
        ),
        (
            "blend",
            {
                "members": ["cag", "miso", "tfidf_lr"],
                "settings": {"miso": {"precision": "float32"}, "tfidf_lr": {"sampler": "miso"}},
            },
            "fastest",
        ),
    ],
)
def test_a_decoders_number_format_can_be_asked_for(method, settings, told, monkeypatch) -> None:
    trained = make_method(method, settings).trains_backbone("text")
    asked = run(
        method=method,
        method_settings=settings,
        backbone="textcnn" if trained else None,
        backbone_settings={},
        estimator={"precision": "auto", "device": "cpu"},
    )
    monkeypatch.setattr(precision, "remembered", lambda *question: "fastest")
    assert Surroundings.here(asked).versions.get("sampler's arithmetic") == told


def test_threads_of_another_process(monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(
        precision, "remembered", lambda *question: asked.append(torch.get_num_threads()) or "float32"
    )
    probed = run(method_settings={}, backbone="textrnn", estimator={"precision": "auto", "device": "cpu"})
    before = torch.get_num_threads()
    assert Surroundings.here(probed, threads=before + 1).threads == before + 1
    assert asked == [before + 1]
    assert torch.get_num_threads() == before
