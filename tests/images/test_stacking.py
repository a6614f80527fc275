"""Many images to one array: sizes, names in messages, memory maps, and every container."""

from __future__ import annotations

import gc
import io
from pathlib import Path

import datasets
import numpy as np
import pandas as pd
import PIL.Image
import polars as pl
import pyarrow as pa
import pytest

from counterpoise.errors import DataError
from counterpoise.images import stacking
from counterpoise.images.mapped import MappedImages, read_rows
from counterpoise.images.python_inputs import as_images
from counterpoise.images.stacking import stack

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (600, 6, 5, 3), dtype=np.uint8)


def files(images: np.ndarray) -> list[bytes]:
    made = []
    for pixels in images:
        file = io.BytesIO()
        PIL.Image.fromarray(pixels).save(file, "PNG")
        made.append(file.getvalue())
    return made


def test_many_images_come_in_order() -> None:
    """More than are decoded at once, so that pieces and threads have to put each in its place."""
    np.testing.assert_array_equal(stack(files(NOISE)), NOISE)


def test_images_of_another_size_are_named() -> None:
    images = [*NOISE[:3], NOISE[3, :4], NOISE[4]]
    with pytest.raises(
        DataError,
        match=r"the image at position 3 is 4 x 5 pixels \(height x width\), but the first one is 6 x 5; resize it, or "
        "set image_size",
    ):
        stack(images)
    with pytest.raises(DataError, match=r"position 0 is 6 x 5 .* model was fitted to images of 5 x 6"):
        stack(list(NOISE[:3]), expected=(5, 6))
    with pytest.raises(DataError, match=r"position 0 is 6 x 5 .* model was fitted to images of 5 x 6"):
        as_images(NOISE[:3], expected=(5, 6))


def test_a_broken_image_among_many_is_named() -> None:
    images: list = files(NOISE[:20])
    images[17] = b"broken"
    with pytest.raises(DataError, match="the image at position 17 is in no format"):
        stack(images)


@pytest.mark.parametrize(("height", "width"), [(60, 30), (30, 60), (30, 30)])
@pytest.mark.parametrize("size", [30, 10, 45])
def test_the_middle_is_cut_out_of_the_resized_image(height, width, size) -> None:
    """Against the two steps one after the other: the shorter side resized, then the margins cut off."""
    image = RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)
    whole = PIL.Image.fromarray(image).resize(
        (width * size // 30, height * size // 30), PIL.Image.Resampling.BICUBIC
    )
    top, left = (whole.height - size) // 2, (whole.width - size) // 2
    expected = np.asarray(whole).astype(int)[top : top + size, left : left + size]
    for form in (image, PIL.Image.fromarray(image)):
        (found,) = stack([form], size=size)
        assert found.shape == (size, size, 3)
        if whole.height % 2 == whole.width % 2:
            assert np.abs(found - expected).max() <= 1


def test_shrinking_averages_and_does_not_skip() -> None:
    """A checkerboard of single pixels is grey from afar; taking every eighth pixel would leave it black or white."""
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    (small,) = stack([board], size=8)
    assert np.abs(small.astype(int) - 127).max() <= 4


def test_above_the_limit_images_lie_in_a_file_that_goes_with_them(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(stacking, "MOST_IN_MEMORY", NOISE.nbytes - 1)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    stacked = stack(files(NOISE))
    assert isinstance(stacked, MappedImages)
    assert isinstance(stacked._pixels, np.memmap)
    np.testing.assert_array_equal(np.asarray(stacked), NOISE)
    np.testing.assert_array_equal(stacked.read(np.array([5, 5, 0])), NOISE[[5, 5, 0]])
    if Path("/proc/self/maps").exists():
        maps = Path("/proc/self/maps")
        assert str(tmp_path) in maps.read_text()
        del stacked
        gc.collect()
        assert str(tmp_path) not in maps.read_text()
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(stacking, "MOST_IN_MEMORY", NOISE.nbytes)
    assert isinstance(stack(files(NOISE)), np.ndarray)


def test_chosen_rows_of_a_map_are_numbers_only() -> None:
    class Counted(np.ndarray):
        reads = 0

        def __getitem__(self, rows):
            Counted.reads += 1
            return super().__getitem__(rows)

    images = MappedImages(NOISE.view(Counted))
    some = images[np.arange(100)][10:20][np.array([3, 3, 0])]
    some_by_truth = images[np.arange(600) % 2 == 1]
    assert (len(some), some.shape, some.ndim, some.dtype) == (3, (3, 6, 5, 3), 4, np.uint8)
    assert len(some_by_truth) == 300
    assert Counted.reads == 0
    np.testing.assert_array_equal(read_rows(some, slice(None)), NOISE[[13, 13, 10]])
    np.testing.assert_array_equal(read_rows(some_by_truth, np.array([1])), NOISE[[3]])
    np.testing.assert_array_equal(read_rows(NOISE, np.array([1])), NOISE[[1]])
    assert Counted.reads == 2


def test_a_memory_mapped_array_stays_where_it_is(tmp_path) -> None:
    np.save(tmp_path / "images.npy", NOISE)
    mapped = as_images(np.load(tmp_path / "images.npy", mmap_mode="r"))
    assert isinstance(mapped, MappedImages)
    np.testing.assert_array_equal(np.asarray(mapped), NOISE)
    sized = as_images(np.load(tmp_path / "images.npy", mmap_mode="r"), 5)
    assert isinstance(sized, np.ndarray)
    assert sized.shape == (600, 5, 5, 3)


def test_arrays() -> None:
    assert as_images(NOISE) is NOISE
    np.testing.assert_array_equal(as_images(NOISE / 255.0), NOISE)
    np.testing.assert_array_equal(as_images(NOISE.astype(np.int64)), NOISE)
    grey = NOISE[:, :, :, 0]
    expected = np.stack([grey] * 3, axis=3)
    np.testing.assert_array_equal(as_images(grey), expected)
    np.testing.assert_array_equal(as_images(grey[..., None]), expected)
    opaque = np.concatenate([NOISE, np.full_like(grey, 255)[..., None]], axis=3)
    np.testing.assert_array_equal(as_images(opaque), NOISE)
    assert as_images(NOISE, 4).shape == (600, 4, 4, 3)
    assert as_images(NOISE, 5).shape == (600, 5, 5, 3)
    assert as_images(NOISE, 6).shape == (600, 6, 6, 3)
    assert as_images(NOISE[:, :5], 5).base is NOISE


CONTENT = files(NOISE[:4])
STRUCTS = [{"bytes": content, "path": None} for content in CONTENT]


@pytest.mark.parametrize(
    "given",
    [
        lambda: CONTENT,
        lambda: tuple(CONTENT),
        lambda: [PIL.Image.fromarray(pixels) for pixels in NOISE[:4]],
        lambda: list(NOISE[:4]),
        lambda: np.array([*CONTENT, None], dtype=object)[:4],
        lambda: pd.Series(CONTENT, index=[7, 3, 5, 1]),
        lambda: pd.DataFrame({"image": STRUCTS}),
        lambda: pl.Series(CONTENT),
        lambda: pl.DataFrame({"image": STRUCTS}),
        lambda: pa.array(CONTENT),
        lambda: pa.table({"image": STRUCTS}),
        lambda: datasets.Dataset.from_dict({"image": STRUCTS})["image"],
        lambda: datasets.Dataset.from_dict({"image": STRUCTS}).cast_column("image", datasets.Image())[
            "image"
        ],
    ],
    ids=[
        *("list", "tuple", "Pillow", "arrays", "objects", "pandas", "frame", "polars", "polars frame"),
        *("arrow", "table", "datasets", "datasets decoded"),
    ],
)
def test_containers(given) -> None:
    np.testing.assert_array_equal(as_images(given()), NOISE[:4])


def test_a_folder_of_files(tmp_path) -> None:
    paths = [tmp_path / f"{i}.png" for i in range(4)]
    for path, content in zip(paths, CONTENT, strict=True):
        path.write_bytes(content)
    np.testing.assert_array_equal(as_images(paths), NOISE[:4])
    np.testing.assert_array_equal(as_images(pd.Series(list(map(str, paths)))), NOISE[:4])
    paths[2].write_bytes(files(NOISE[:1, :3])[0])
    with pytest.raises(DataError, match=r"the image .*2\.png is 3 x 5 pixels .* but the first one is 6 x 5"):
        as_images(paths)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (np.zeros((10, 784)), r"X is an array of shape \(10, 784\), which holds no images; give \(n, height"),
        (np.zeros(5), r"X is an array of shape \(5,\), which holds no images"),
        (np.zeros((2, 3, 32, 32)), r"channels second; move them to the end: X.transpose\(0, 2, 3, 1\)"),
        (np.zeros((32, 32, 3)), r"which is one image of 3 channels; give X\[None\]"),
        (np.zeros((2, 8, 8, 5)), "holds no images"),
        (np.full((2, 8, 8), 2.0), "the image at position 0 has floats from 2 to 2"),
        (np.zeros((0, 8, 8, 3), dtype=np.uint8), r"there are no images \(0 samples\)"),
        ([], r"there are no images \(0 samples\)"),
        ("photo.png", r"X is one str, and not a list of images; give \[X\]"),
        (PIL.Image.new("L", (2, 2)), r"X is one Image, and not a list"),
        ({"a": 1}, "X is of type dict; give a list"),
        (7, "X is of type int"),
        (iter([b""]), "X is of type list_iterator"),
        ([CONTENT[0], None], r"the image at position 1 is missing \(None\)"),
        (pd.DataFrame({"a": [1], "b": [2]}), "X is a table of 2 columns; give the one that holds the images"),
        (
            datasets.Dataset.from_dict({"a": [1], "b": [2]}),
            "X is a dataset of the columns a, b; give the one",
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else type(value).__name__,
)
def test_what_is_no_list_of_images_is_refused_in_one_sentence(given, said) -> None:
    with pytest.raises(DataError, match=said) as error:
        as_images(given)
    assert "\n" not in str(error.value)


def test_mapped_images_of_the_right_size_are_not_read(monkeypatch) -> None:
    """They stay on the disk; of another size they are resized."""
    mapped = MappedImages(NOISE[:, :5])
    monkeypatch.setattr(MappedImages, "__array__", lambda *_, **__: pytest.fail("the pixels were read"))
    for given in ({}, {"size": 5}, {"expected": (5, 5)}):
        assert as_images(mapped, **given) is mapped
    monkeypatch.undo()
    assert as_images(mapped, 3).shape == (600, 3, 3, 3)
    with pytest.raises(DataError, match=r"5 x 5 .* fitted to images of 7 x 7"):
        as_images(mapped, expected=(7, 7))
