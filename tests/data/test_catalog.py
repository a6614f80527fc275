"""Named data sets: the right rows or an error, from wherever they come."""

import os
import sys
import types
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.data import catalog, catalog_entries, hub, readers
from counterpoise.data.catalog_entries import Entry, HubCopy
from counterpoise.errors import DataError, MissingExtraError, SettingsError

DATA = os.environ.get(catalog.DATA_VARIABLE)

TEXTS, LABELS = ["first one", "second one"], ["neg", "pos"]
TINY = Entry(
    name="tiny",
    title="A tiny set",
    language="en",
    rows={"train": 2, "test": 2},
    classes=("neg", "pos"),
    licence="CC0",
    source="these tests",
    citation="none",
    filters="none",
    folder="tiny_folder",
    content_hashes=dict.fromkeys(["train", "test"], catalog.content_hash(TEXTS, LABELS)),
    hub=HubCopy("somebody/tiny", {"train": "train", "test": "validation"}, "body", drops_html_breaks=True),
    aliases={"small": "small stands for tiny"},
)
REAL = [(entry.name, split) for entry in catalog.entries() for split in entry.splits if entry.name != "demo"]


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """The tiny set as the only one, an empty cache, and no data folder."""
    monkeypatch.setattr(catalog, "ENTRIES", (TINY,))
    monkeypatch.delenv(catalog.DATA_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def put(folder, texts=TEXTS, split="train"):
    (folder / "tiny_folder").mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"text": texts, "label": LABELS}), folder / "tiny_folder" / f"{split}.parquet")


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "split"), REAL)
def test_real_sets_are_what_is_written_down(name, split):
    entry = catalog.find(name)
    table = catalog.load(name, split).table  # checks the content hash
    assert table.num_rows == entry.rows[split]
    assert sorted(set(table.column("label").to_pylist())) == list(entry.classes)


@pytest.mark.real_data
def test_ag_news_says_that_it_is_a_part():
    data = readers.read("ag_news")
    assert len(data.texts) == 7600
    assert data.notes[0].startswith("ag_news stands for ag_news_7600")


def test_entries_are_complete():
    names = [entry.name for entry in catalog.entries()]
    assert names == sorted(names)
    assert len(names) == len(set(names)) == 11
    for entry in catalog.entries():
        assert set(entry.content_hashes) == (set() if entry.name == "demo" else set(entry.splits))
        assert entry.splits[0] == "train"
        assert entry.classes == tuple(sorted(entry.classes))
        assert entry.licence
        assert entry.source
        assert entry.hub is None or set(entry.hub.splits) == set(entry.splits)


def test_demo_needs_nothing(tiny, monkeypatch):
    monkeypatch.setattr(catalog, "ENTRIES", catalog_entries.ENTRIES)
    data = readers.read("demo")
    entry = catalog.find("demo")
    assert len(data.texts) == entry.rows["train"]
    assert sorted(set(data.labels)) == list(entry.classes)
    assert data.notes == ("demo, train split: 6,000 rows, made by this package",)


def test_data_dir_comes_before_the_variable(tiny, monkeypatch):
    put(tiny / "here")
    put(tiny / "there", ["other", "rows"])
    monkeypatch.setenv(catalog.DATA_VARIABLE, str(tiny / "there"))
    assert readers.read("tiny", data_dir=tiny / "here").texts.tolist() == TEXTS
    with pytest.raises(DataError, match="does not hold the rows of tiny"):
        readers.read("tiny")


def test_a_wrong_copy_names_both_hashes(tiny):
    put(tiny, ["first one", "second two"])
    with pytest.raises(DataError) as caught:
        readers.read("tiny", data_dir=tiny)
    assert TINY.content_hashes["train"] in str(caught.value)
    assert catalog.content_hash(["first one", "second two"], LABELS) in str(caught.value)


def test_a_missing_or_broken_copy(tiny, monkeypatch):
    with pytest.raises(DataError, match="tiny is not in the data directory: there is no file"):
        readers.read("tiny", data_dir=tiny)
    monkeypatch.setenv(catalog.DATA_VARIABLE, str(tiny))
    with pytest.raises(DataError, match="tiny is not in COUNTERPOISE_DATA"):
        readers.read("tiny")
    put(tiny)
    (tiny / "tiny_folder" / "train.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(DataError, match="is no readable Parquet file"):
        readers.read("tiny")


def test_splits(tiny):
    put(tiny)
    put(tiny, split="test")
    assert readers.splits_of("tiny") == ("train", "test")
    assert len(readers.read("tiny", split="all", data_dir=tiny).texts) == 4
    assert "test split" in readers.read("tiny", default_split="test", data_dir=tiny).notes[0]
    with pytest.raises(SettingsError, match="tiny has no split 'dev', only 'train', 'test'"):
        readers.read("tiny", split="dev", data_dir=tiny)
    assert [chunk.texts.tolist() for chunk in readers.stream("tiny", data_dir=tiny)] == [TEXTS]


def test_unknown_name(tiny):
    with pytest.raises(
        SettingsError, match="no data set is named 'tinny'; there are 'tiny'; did you mean 'tiny'"
    ):
        catalog.find("tinny")
    assert catalog.find("small") is TINY


def fake_hub(monkeypatch, texts, asked):
    class Rows(dict):
        features: dict = {"label": types.SimpleNamespace(names=["neg", "pos"])}  # noqa: RUF012

    def load_dataset(name, split):
        asked.append((name, split))
        return Rows(body=texts, label=[0, 1])

    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load_dataset))


def test_fetching_normalises_checks_and_caches(tiny, monkeypatch):
    asked = []
    fake_hub(monkeypatch, [" first<br /><br />one\n", "second one"], asked)
    data = readers.read("tiny", split="test")
    assert data.texts.tolist() == TEXTS
    assert data.labels.tolist() == LABELS
    assert "licence: CC0" in data.notes[0]
    assert readers.read("tiny", split="test").texts.tolist() == TEXTS
    assert asked == [("somebody/tiny", "validation")]
    cached = Path(tiny / "cache" / "counterpoise" / "tiny_folder")
    assert [file.name for file in cached.iterdir()] == ["test.parquet"]


def test_a_fetched_copy_that_differs_is_not_kept(tiny, monkeypatch):
    fake_hub(monkeypatch, ["something", "else"], [])
    with pytest.raises(
        DataError, match="the copy somebody/tiny on the Hugging Face Hub does not hold the rows"
    ):
        readers.read("tiny")
    assert not (tiny / "cache" / "counterpoise" / "tiny_folder").exists()


def test_without_network_or_package(tiny, monkeypatch):
    def load_dataset(name, split):
        raise ConnectionError("no route\nto host")

    monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load_dataset))
    with pytest.raises(
        DataError, match=r"ConnectionError: no route\); without a network set COUNTERPOISE_DATA"
    ):
        readers.read("tiny")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match="needs the package datasets"):
        hub.fetch(TINY, "train")


def test_no_copy_on_the_hub(tiny, monkeypatch):
    monkeypatch.setattr(catalog, "ENTRIES", catalog_entries.ENTRIES)
    with pytest.raises(DataError, match=r"r8 is not here .* set COUNTERPOISE_DATA or --data-dir"):
        readers.read("r8")


def test_an_empty_variable_names_no_folder(tiny, monkeypatch):
    monkeypatch.setenv("COUNTERPOISE_DATA", "")
    fake_hub(monkeypatch, [" first<br /><br />one\n", "second one"], [])
    assert readers.read("tiny", split="test").texts.tolist() == TEXTS


rows = st.lists(st.tuples(st.text(st.characters(codec="utf-8")), st.sampled_from("ab")), max_size=8)


@given(rows, st.randoms())
def test_content_hash_does_not_see_order(rows, random):
    shuffled = random.sample(rows, len(rows))
    assert catalog.content_hash(*split(rows)) == catalog.content_hash(*split(shuffled))


@given(rows)
def test_content_hash_sees_repeats_and_labels(rows):
    base = catalog.content_hash(*split(rows))
    assert base != catalog.content_hash(*split([*rows, ("t", "a")]))
    assert base != catalog.content_hash(*split([*rows, ("t", "a"), ("t", "a")]))
    if rows:
        assert base != catalog.content_hash(*split([(rows[0][0], rows[0][1] + "x"), *rows[1:]]))


def test_content_hash_of_known_rows():
    # printf 'ham\\0hello' | sha256sum
    one = "0f49de94fb7ade3001e4a1c1a63925989136034c75a6609b9a23d4cb698e134e"
    assert catalog.content_hash(["hello"], ["ham"]) == one
    assert int(catalog.content_hash(["hello"] * 20, ["ham"] * 20), 16) == int(one, 16) * 20 % 2**256
    assert catalog.content_hash([], []) == "0" * 64


def split(rows):
    return np.array([row[0] for row in rows], dtype=object), [row[1] for row in rows]
