"""One image from every form it may come in, each against a case worked by hand."""

from __future__ import annotations

import io
import sys

import numpy as np
import PIL.Image
import pytest

from counterpoise.errors import DataError, MissingExtraError
from counterpoise.images.decoding import as_rgb, decode

NOISE = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def png(image: PIL.Image.Image, kind: str = "PNG", **settings) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()


@pytest.fixture
def picture() -> PIL.Image.Image:
    return PIL.Image.fromarray(NOISE)


def test_files_bytes_and_pillow_images_are_the_same(picture, tmp_path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(picture))
    content = path.read_bytes()
    forms = [path, str(path), content, bytearray(content), memoryview(content), picture, NOISE]
    forms += [{"bytes": content, "path": "somewhere.png"}, {"bytes": None, "path": str(path)}]
    for form in forms:
        pixels = decode(form, "it")
        assert pixels.dtype == np.uint8
        np.testing.assert_array_equal(pixels, NOISE)


def test_grey_becomes_three_equal_channels() -> None:
    grey = NOISE[:, :, 0]
    expected = np.stack([grey] * 3, axis=2)
    for form in (grey, grey[:, :, None], PIL.Image.fromarray(grey), png(PIL.Image.fromarray(grey))):
        np.testing.assert_array_equal(decode(form, "it"), expected)
    two = PIL.Image.fromarray(np.array([[True, False]]))
    assert decode(two, "it").tolist() == [[[255] * 3, [0] * 3]]


def test_what_is_transparent_lies_over_white() -> None:
    """Alpha 0, 51 (a fifth), 127, 255 of a level of 100: 255, 20 + 204, 49.8 + 128 rounded, 100."""
    pixels = np.full((1, 4, 4), 100, dtype=np.uint8)
    pixels[0, :, 3] = [0, 51, 127, 255]
    image = PIL.Image.fromarray(pixels)
    expected = [[[255] * 3, [224] * 3, [178] * 3, [100] * 3]]
    for form in (pixels, image, png(image), image.convert("LA")):
        assert decode(form, "it").tolist() == expected


def test_palettes_with_and_without_a_transparent_colour() -> None:
    image = PIL.Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putdata([0, 1])
    assert decode(png(image), "it").tolist() == [[[10, 20, 30], [40, 50, 60]]]
    assert decode(png(image, transparency=1), "it").tolist() == [[[10, 20, 30], [255, 255, 255]]]


def test_sixteen_bits_become_eight_rounded() -> None:
    deep = np.array([[0, 128, 129, 257, 65534, 65535]], dtype=np.uint16)
    image = PIL.Image.fromarray(deep)
    assert image.mode == "I;16"
    for form in (image, png(image), png(image, "TIFF"), image.convert("I")):
        assert decode(form, "it")[0, :, 1].tolist() == [0, 0, 1, 1, 255, 255]
    far = PIL.Image.fromarray(np.array([[0, 70_000]], dtype=np.int32))
    with pytest.raises(DataError, match="it has grey levels from 0 to 70000; bring them"):
        decode(far, "it")


def test_wider_integers_go_by_what_is_there_as_levels_in_an_array_do() -> None:
    levels = np.array([[0, 100, 255]], dtype=np.int32)
    for form in (levels, PIL.Image.fromarray(levels)):
        assert decode(form, "it")[0, :, 0].tolist() == [0, 100, 255]
    dark = PIL.Image.fromarray(np.array([[0, 100, 255]], dtype=np.uint16))
    assert decode(dark, "it")[0, :, 0].tolist() == [0, 0, 1], "sixteen bits are sixteen bits"


def test_floats_from_0_to_1() -> None:
    floats = np.array([[0.0, 0.5, 1.0]], dtype=np.float32)
    for form in (floats, floats.astype(np.float64)[:, :, None], PIL.Image.fromarray(floats)):
        assert decode(form, "it")[0, :, 2].tolist() == [0, 128, 255]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([0.0, 1.5], "it has floats from 0 to 1.5; give floats from 0 to 1, or uint8"),
        ([-0.5, 1.0], "it has floats from -0.5 to 1"),
        ([np.nan, 1.0], "it has floats from nan to nan"),
        ([0, 300], "it has integers from 0 to 300"),
        ([-1, 3], "it has integers from -1 to 3"),
        (["a", "b"], "it has values of type <U1"),
        ([1j, 0], "it has values of type complex128"),
    ],
)
def test_numbers_that_are_no_pixels_are_refused(values, said) -> None:
    with pytest.raises(DataError, match=said) as error:
        as_rgb(np.array(values)[None, :, None], "it")
    assert "\n" not in str(error.value)


def test_a_photograph_is_turned_as_its_tag_says() -> None:
    """Orientation 6: the camera was held so that the picture has to be turned clockwise."""
    image = PIL.Image.fromarray(np.array([[10, 20, 30], [40, 50, 60]], dtype=np.uint8))
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    assert decode(png(image, exif=exif), "it")[:, :, 0].tolist() == [[40, 10], [50, 20], [60, 30]]
    assert decode(png(image), "it")[:, :, 0].tolist() == [[10, 20, 30], [40, 50, 60]]


def test_other_colours_come_as_red_green_and_blue() -> None:
    red = PIL.Image.new("RGB", (1, 1), (255, 0, 0))
    for mode in ("CMYK", "YCbCr", "HSV"):
        assert np.abs(decode(red.convert(mode), "it").astype(int) - [[[255, 0, 0]]]).max() <= 2


def test_the_first_picture_of_an_animation() -> None:
    pictures = [PIL.Image.new("L", (2, 2), level) for level in (10, 200)]
    assert decode(png(pictures[0], "GIF", save_all=True, append_images=pictures[1:]), "it").max() == 10


def test_what_cannot_be_read_is_named(tmp_path, picture) -> None:
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "empty.png").touch()
    (tmp_path / "short.jpg").write_bytes(png(picture.resize((64, 64)), "JPEG")[:700])
    for form, said in [
        (tmp_path / "none.png", r"the image .*none\.png does not exist; check the path"),
        (tmp_path / "text.png", r"the image .*text\.png is in no format that Pillow knows"),
        (
            tmp_path / "empty.png",
            r"the image .*empty\.png is empty \(0 bytes\); fetch it again or leave it out",
        ),
        (b"", r"is empty \(0 bytes\)"),
        (tmp_path, r"the image .* is a folder; give the path of an image"),
        (str(tmp_path / "short.jpg"), r"the image .*short\.jpg cannot be decoded \(.*truncated"),
        ({"bytes": b"x", "path": "row 7"}, "the image row 7 is in no format"),
        (PIL.Image.open(tmp_path / "short.jpg"), r"it cannot be decoded \(.*truncated"),
        (None, r"it is missing \(None\)"),
        ({"bytes": None, "path": None}, r"it is missing \(None\)"),
        (7, "it is of type int; give a path"),
        (np.zeros(784), r"it is an array of shape \(784,\)"),
        (np.zeros((4, 4, 2)), r"it is an array of shape \(4, 4, 2\)"),
        (np.zeros((0, 4)), r"it has no pixels"),
    ]:
        with pytest.raises(DataError, match=said) as error:
            decode(form, "it")
        assert "\n" not in str(error.value)


def test_without_pillow_the_extra_is_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingExtraError, match=r'pip install "counterpoise\[images\]"'):
        decode(b"anything", "it")
    assert decode(NOISE, "arrays need none").shape == (5, 7, 3)
