"""What the command line refuses of images, in one sentence."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli_pictures import fails, png, put

TEXTS = "body,topic\n" + "".join(f"some text number {i},{'a' if i % 4 else 'b'}\n" for i in range(40))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--text", "body"], "--text names a column, and {source} is a folder of images; leave it out"),
        (["--image", "photo"], "--image names a column, and {source} is a folder of images; leave it out"),
        (["--label", "class"], "--label names a column, and {source} is a folder of images, whose classes"),
        (["--group", "author"], "--group names a column, and {source} is a folder of images"),
        (["--encoding", "latin-1"], "--encoding is for text files, and {source} holds images"),
        (["--split", "test"], "has no splits"),
        (
            ["--method", "erm", "--encoder", "some/model"],
            "--encoder some/model reads texts, and the data are images",
        ),
        (["--method", "word_swap"], "method 'word_swap' does not take image data; of the others do: erm"),
        (
            ["--backbone", "textcnn"],
            "backbone 'textcnn' reads text data, not image; choose one of resnet, convnet",
        ),
        (["--set", "image_size=9"], "--set image_size is not taken; use --image-size"),
        (["--set", "backbone__dim=9"], "there is no such setting here"),
        (["--minority", "marker"], "has no class 'marker' for --minority"),
        (["--keep", "99"], "keep is 99, but class 'marked' has 20 rows"),
    ],
)
def test_options_that_make_no_sense_for_a_folder(photos, run, tmp_path, options, message):
    sentence = fails(run, "fit", photos, "-o", tmp_path / "m", *options)
    assert message.format(source=photos) in sentence
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--text", "id", "--image", "photo"], "--text and --image were both given"),
        (["--image", "class"], "the column 'class' holds string; images are stored as bytes"),
        (["--image", "photos"], "has no column 'photos'"),
        (["--image", "photo", "--label", "photo"], "column 'photo' is named twice"),
    ],
)
def test_columns_that_make_no_sense(pictures, run, tmp_path, options, message):
    assert message in fails(run, "fit", pictures, "-o", tmp_path / "m", *options)


@pytest.mark.parametrize("option", [["--image-size", "9"], ["--image", "photo"]])
def test_options_of_images_are_refused_for_texts(run, tmp_path, option):
    (tmp_path / "t.csv").write_text(TEXTS)
    sentence = fails(run, "fit", tmp_path / "t.csv", "-o", tmp_path / "m", *option)
    assert sentence.startswith(f"error: {option[0]} ")
    assert "leave it out" in sentence


@pytest.mark.parametrize("command", ["fit", "compare", "tune", "diagnose"])
def test_an_empty_class_folder(command, photos, run, tmp_path):
    folder = tmp_path / "photos"
    put(folder / "cat" / "1.png", np.zeros((9, 9, 3), dtype=np.uint8))
    (folder / "dog").mkdir()
    output = ["-o", tmp_path / "m"] if command == "fit" else []
    sentence = fails(run, command, folder, *output)
    assert f"the class folder {folder / 'dog'} holds no images" in sentence


def test_an_unreadable_file_is_named(photos, image_model, run, tmp_path, squares):
    folder = tmp_path / "photos"
    for i, (image, label) in enumerate(zip(*squares, strict=True)):
        put(folder / label / f"{i:03}.png", image)
    broken = folder / "plain" / "broken.png"
    broken.write_bytes(png(squares[0][0])[:-40])
    for args in (
        ["fit", folder, "-o", tmp_path / "m"],
        ["evaluate", image_model, folder],
        ["diagnose", folder],
    ):
        assert f"the image {broken} cannot be decoded" in fails(run, *args)
    assert str(broken) in fails(run, "predict", image_model, folder, "-o", tmp_path / "s.csv")
    assert not (tmp_path / "s.csv").exists()
    pq.write_table(pa.table({"photo": [png(squares[0][0]), b"nothing"]}), tmp_path / "p.parquet")
    sentence = fails(run, "predict", image_model, tmp_path / "p.parquet")
    assert "p.parquet, row 2 (counted from 1) is in no format that Pillow knows" in sentence


def test_a_missing_image_is_named(image_model, run, tmp_path, squares):
    table = pa.table({"photo": pa.array([png(squares[0][0]), None], pa.binary())})
    pq.write_table(table, tmp_path / "p.parquet")
    assert "row 2 (counted from 1) has no image in column 'photo'" in fails(
        run, "predict", image_model, tmp_path / "p.parquet"
    )


def test_another_size_at_prediction(image_model, run, tmp_path):
    put(tmp_path / "new" / "large.png", np.zeros((30, 20, 3), dtype=np.uint8))
    sentence = fails(run, "predict", image_model, tmp_path / "new")
    assert f"{tmp_path / 'new' / 'large.png'} is 30 x 20 pixels" in sentence
    assert "the model was fitted to images of 12 x 12" in sentence


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_models_and_data_of_different_kinds(command, model, image_model, labelled, photos, pictures, run):
    assert f"{photos} holds images, and the model takes texts" in fails(run, command, model, photos)
    assert "pictures.parquet holds images, and the model takes texts" in fails(run, command, model, pictures)
    assert "reviews.csv holds texts, and the model takes images" in fails(run, command, image_model, labelled)
    assert "--text names a column of texts" in fails(run, command, image_model, pictures, "--text", "id")
    assert "--image names a column of images" in fails(run, command, model, labelled, "--image", "photo")
    assert "--encoding is for text files" in fails(run, command, image_model, photos, "--encoding", "latin-1")


def test_what_cannot_go_together_is_refused_before_an_image_is_decoded(run, tmp_path):
    for name in ("plain", "marked"):
        (tmp_path / name).mkdir()
        for i in range(2):
            (tmp_path / name / f"{i}.png").write_text("no image")
    for options, message in (
        (["--method", "word_swap"], "method 'word_swap' does not take image data"),
        (["--backbone", "textcnn"], "backbone 'textcnn' reads text data, not image"),
    ):
        assert message in fails(run, "fit", tmp_path, "-o", tmp_path / "m", *options)


def test_what_is_not_there_or_empty_is_said_as_it_is(image_model, run, tmp_path):
    assert "there is no file and no data set named" in fails(run, "predict", image_model, "nothing")
    assert "check the path" in fails(run, "evaluate", image_model, tmp_path / "nothing")
    assert "holds no images; give" in fails(run, "predict", image_model, tmp_path)
    (tmp_path / "p.parquet").write_text("nothing")
    assert "p.parquet is no Parquet file" in fails(run, "predict", image_model, tmp_path / "p.parquet")


def test_what_is_no_folder_of_classes(image_model, photos, run, tmp_path):
    flat = photos / "plain"
    assert "holds no folders; put the images of each class" in fails(run, "fit", flat, "-o", tmp_path / "m")
    single = next(flat.iterdir())
    assert f"{single} is a single image; give the folder that it is in" in fails(
        run, "predict", image_model, single
    )
    sentence = fails(run, "predict", image_model, f"{flat}/*.png", "-o", tmp_path / "s")
    assert "is a single image; give the folder" in sentence
    assert not (tmp_path / "s").exists()


def test_oversample_writes_texts_alone(photos, run, tmp_path):
    sentence = fails(run, "oversample", photos, "-o", tmp_path / "a.csv")
    assert f"new texts are written here, and {photos} holds images" in sentence
