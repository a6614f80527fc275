"""Labelled images in folders and Parquet files, and the named sets."""

from __future__ import annotations

import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from counterpoise.data import catalog, image_sets, readers
from counterpoise.data.catalog_entries import Entry
from counterpoise.data.image_files import read_images
from counterpoise.data.image_sets import image_entries, load_images
from counterpoise.errors import DataError, SettingsError
from counterpoise.images.python_inputs import as_images


def put(folder, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"content of " + os.fsencode(name))


def test_a_folder_for_each_class(tmp_path) -> None:
    put(tmp_path, "dog/2.PNG", "dog/1.jpeg", "cat/a.jpg", "cat/.hidden.jpg", ".cache/x.jpg")
    table = read_images(tmp_path)
    assert table.labels.tolist() == ["cat", "dog", "dog"]
    assert [name.removeprefix(str(tmp_path)) for name in table.names] == [
        "/cat/a.jpg",
        "/dog/1.jpeg",
        "/dog/2.PNG",
    ]
    assert list(table.images) == list(table.names)
    assert table.notes == (f"3 images of 2 classes in {tmp_path}",)
    assert len(table) == 3


def test_what_is_left_out_is_said(tmp_path) -> None:
    put(tmp_path, "cat/a.jpg", "dog/b.jpg", "dog/notes.txt", "README.md", "dog/more.jpg/c.jpg")
    assert read_images(str(tmp_path)).notes[1].startswith("3 others there were left out, such as ")


def test_folders_that_cannot_be_used_are_refused(tmp_path) -> None:
    put(tmp_path, "cat/a.jpg", "dog/notes.txt")
    with pytest.raises(
        DataError, match=r"the class folder .*dog holds no images .*; put some in or remove it"
    ):
        read_images(tmp_path)
    with pytest.raises(DataError, match=r"cat holds no folders; put the images of each class into a folder"):
        read_images(tmp_path / "cat")
    with pytest.raises(DataError, match=r"there is no file .*none.*; check the path"):
        read_images(tmp_path / "none")


def test_names_that_are_no_text_are_refused(tmp_path) -> None:
    put(tmp_path, "cat/a.jpg", "dog/caf\udce9.jpg")
    with pytest.raises(DataError, match=r"the name of '.*caf\\udce9.jpg' is not UTF-8; rename it"):
        read_images(tmp_path)


STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write(path, images, labels, kind=None, **more):
    pq.write_table(pa.table({"image": pa.array(images, kind), "label": labels, **more}), path)
    return path


def test_parquet_with_bytes_and_with_structs(tmp_path) -> None:
    path = write(tmp_path / "a.parquet", [b"one", b"two"], ["cat", "dog"], pa.binary())
    table = read_images(path)
    assert table.labels.tolist() == ["cat", "dog"]
    assert table.names == (f"{path}, row 1 (counted from 1)", f"{path}, row 2 (counted from 1)")
    assert [image["bytes"] for image in table.images] == [b"one", b"two"]
    assert table.notes == ("image column: 'image' (guessed)", "label column: 'label' (guessed)")
    with pytest.raises(DataError, match=r"the image .*a\.parquet, row 1 \(counted from 1\) is in no format"):
        as_images(table.images)
    structs = [{"bytes": b"one", "path": "1.png"}, {"bytes": b"two", "path": None}]
    table = read_images(write(tmp_path / "b.parquet", structs, [3, 4], STRUCT), label="label")
    assert table.labels.tolist() == ["3", "4"]
    assert table.names[0] == "1.png"
    assert table.names[1].endswith("row 2 (counted from 1)")
    assert table.notes == ("image column: 'image' (guessed)",)
    assert (table.columns, table.files) == (("image",), ("1.png", None))
    assert table.table.column_names == ["label"]


def test_parquet_that_cannot_be_used_is_refused(tmp_path) -> None:
    path = write(tmp_path / "a.parquet", [b"one", None], ["cat", "dog"], pa.binary(), mask=[b"a", b"b"])
    with pytest.raises(
        DataError, match="several columns that may hold images, 'image', 'mask'; name one with --image"
    ):
        read_images(path)
    with pytest.raises(
        DataError, match=r"row 2 \(counted from 1\) has no image in column 'image'; fill it in"
    ):
        read_images(path, image="image")
    with pytest.raises(DataError, match="has no column 'picture'"):
        read_images(path, image="picture")
    with pytest.raises(DataError, match="has no column 'kind'"):
        read_images(path, image="mask", label="kind")
    with pytest.raises(DataError, match="the column 'label' holds string; images are stored as bytes"):
        read_images(path, image="label", label="mask")
    empty = tmp_path / "b.parquet"
    pq.write_table(pa.table({"text": ["a"], "label": ["b"]}), empty)
    with pytest.raises(
        DataError, match="has no column of images; name one with --image, out of 'text', 'label'"
    ):
        read_images(empty)
    (tmp_path / "c.parquet").write_bytes(b"nothing")
    with pytest.raises(DataError, match="is no Parquet file: it begins with"):
        read_images(tmp_path / "c.parquet")
    unclear = tmp_path / "d.parquet"
    pq.write_table(pa.table({"image": [b"a", b"b"], "p": ["1", "2"], "q": ["1", "2"]}), unclear)
    with pytest.raises(DataError, match=r"which column is the label cannot be told .*name it with --label"):
        read_images(unclear)


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "split"), [(e.name, split) for e in image_entries() for split in e.splits])
def test_real_sets_are_what_is_written_down(name, split) -> None:
    entry = next(entry for entry in image_entries() if entry.name == name)
    table = load_images(name, split)  # checks the content hash
    assert len(table) == len(table.images) == len(table.names) == entry.rows[split]
    assert sorted(set(table.labels)) == list(entry.classes)
    side = 28 if name == "mnist" else 32
    assert as_images(table.images[:20]).shape == (20, side, side, 3)


@pytest.mark.real_data
def test_digits_of_mnist_look_like_digits() -> None:
    """A one is a stroke: of all digits it has the least ink; and the first digit of the test split is a seven."""
    table = load_images("mnist")
    ink = {digit: table.images[table.labels == digit].mean() for digit in "0123456789"}
    assert min(ink, key=ink.__getitem__) == "1"
    assert table.labels[0] == "7"
    assert table.notes[0].startswith("mnist, test split: 10,000 images, from ")


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    rows = [b"first", b"second"]
    entry = Entry(
        name="tiny",
        title="A tiny set",
        language="",
        rows={"train": 2, "test": 2},
        classes=("a", "b"),
        licence="CC0",
        source="these tests",
        citation="none",
        filters="none",
        folder="tiny",
        content_hashes=dict.fromkeys(["train", "test"], catalog.content_hash(rows, ["a", "b"])),
    )
    monkeypatch.setattr(image_sets, "_ENTRIES", (entry,))
    monkeypatch.delenv(catalog.DATA_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "tiny").mkdir()
    for split in ("train", "test"):
        write(tmp_path / "tiny" / f"{split}.parquet", rows, ["a", "b"])
    return tmp_path


def test_a_named_set_is_found_and_checked(tiny, monkeypatch) -> None:
    table = load_images("tiny", data_dir=tiny)
    assert (list(table.images), table.labels.tolist()) == ([b"first", b"second"], ["a", "b"])
    assert table.names == ("tiny, train split, row 1", "tiny, train split, row 2")
    monkeypatch.setenv(catalog.DATA_VARIABLE, str(tiny))
    assert len(load_images("tiny", "all")) == 4
    write(tiny / "tiny" / "test.parquet", [b"first", b"secone"], ["a", "b"])
    with pytest.raises(DataError, match=r"does not hold the rows of tiny \(test\)"):
        load_images("tiny", "test")


def test_a_named_set_that_is_not_there(tiny) -> None:
    with pytest.raises(DataError, match="tiny is not here and no copy on the Hugging Face Hub"):
        load_images("tiny")
    with pytest.raises(DataError, match="tiny is not in the data directory"):
        load_images("tiny", data_dir=tiny / "cache")
    with pytest.raises(
        SettingsError, match="no set of images is named 'tyny'; there are 'tiny'; did you mean"
    ):
        load_images("tyny")
    with pytest.raises(SettingsError, match="tiny has no split 'dev', only 'train', 'test'"):
        load_images("tiny", "dev", tiny)


def test_pixels_become_an_array(tiny) -> None:
    """A set of bare pixels: two images of 28 x 28 whose hash is that of their bytes."""
    pixels = np.arange(2 * 784, dtype=np.int64).astype(np.uint8).reshape(2, 784)
    column = pa.FixedSizeListArray.from_arrays(pa.array(pixels.ravel()), 784)
    assert image_sets._stored(pa.chunked_array([column[:1], column[1:]])) == [row.tobytes() for row in pixels]


def test_entries_of_images_are_complete() -> None:
    names = [entry.name for entry in image_entries()]
    assert names == sorted(names)
    assert not set(names) & {entry.name for entry in catalog.entries()}
    for entry in image_entries():
        assert set(entry.content_hashes) == set(entry.splits)
        assert all(len(value) == 64 for value in entry.content_hashes.values())
        assert entry.classes == tuple(sorted(entry.classes))
        assert entry.licence
        assert entry.source
        assert entry.hub is None


def test_commands_that_read_texts_say_that_a_set_holds_images() -> None:
    with pytest.raises(
        DataError, match="mnist is a known set of images, and texts are read here; give texts"
    ) as error:
        readers.read("mnist")
    assert "\n" not in str(error.value)
