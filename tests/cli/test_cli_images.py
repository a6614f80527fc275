"""Images on the command line: folders, Parquet files and known sets, each command, and what is refused."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import PIL.Image
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from counterpoise import ImageClassifier, load_model
from counterpoise.data.image_files import read_images
from counterpoise.estimators import file_inputs
from counterpoise.images import stacking
from tiny_images import make_images

NAMES = np.array(["plain", "marked"])
TINY = [*("--backbone", "convnet", "--set", "backbone__kernel=3", "--set", "backbone__channels=[4]")]
TRAINING = [*TINY, *("--set", "backbone__hidden=[16]", "--set", "batch_size=16", "--max-epochs", "2")]
FIT = [*TRAINING, *("--folds", "2")]
SETTINGS = {
    "backbone": "convnet",
    "backbone__kernel": 3,
    "backbone__channels": [4],
    "backbone__hidden": [16],
    "batch_size": 16,
    "max_epochs": 2,
    "random_state": 0,
}


def png(pixels):
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def put(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(pixels))


@pytest.fixture(scope="module")
def squares():
    images, numbers = make_images((60, 20), 3)
    return images, NAMES[numbers]


@pytest.fixture(scope="module")
def photos(squares, tmp_path_factory):
    """A folder for each class."""
    folder = tmp_path_factory.mktemp("images") / "photos"
    for i, (image, label) in enumerate(zip(*squares, strict=True)):
        put(folder / label / f"{i:03}.png", image)
    return folder


@pytest.fixture(scope="module")
def pictures(squares, tmp_path_factory):
    """The same as a Parquet file with other columns."""
    images, labels = squares
    path = tmp_path_factory.mktemp("tables") / "pictures.parquet"
    cells = pa.array([png(image) for image in images], pa.binary())
    columns = {"id": [f"{i:03}" for i in range(len(labels))], "photo": cells, "class": labels}
    pq.write_table(pa.table(columns), path)
    return path


@pytest.fixture(scope="module")
def fitted(photos, run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "images"
    run("fit", photos, "-o", folder, *FIT, "--quiet")
    return folder


def fails(run, *args):
    """The one sentence of a command that is refused."""
    result = run(*args, code=2)
    sentences = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(sentences) == 1, result.stderr
    assert result.stdout == ""
    return sentences[0]


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_fit_saves_what_python_trains(photos, run, run_json, tmp_path):
    (row,) = run_json("fit", photos, "-o", tmp_path / "m", *FIT)
    assert (row["method"], row["backbone"], row["pos_label"]) == ("class_weight", "convnet", "marked")
    table = read_images(photos)
    expected = ImageClassifier("class_weight", pos_label="marked", threshold_folds=2, **SETTINGS)
    expected.fit(table.images, table.labels)
    loaded = load_model(tmp_path / "m")
    assert isinstance(loaded, ImageClassifier)
    np.testing.assert_array_equal(loaded.predict_proba(table.images), expected.predict_proba(table.images))
    assert "80 images of 2 classes in" in run("fit", photos, "-o", tmp_path / "m", *FIT).stderr


def test_a_parquet_file_gives_the_same_model(pictures, fitted, squares, run, tmp_path):
    result = run("fit", pictures, "--image", "photo", "--label", "class", "-o", tmp_path / "m", *FIT)
    assert "guessed" not in result.stderr
    assert load_model(tmp_path / "m").columns_ == ("photo",)
    assert load_model(fitted).columns_ == ()
    guessed = run("fit", pictures, "-o", tmp_path / "n", *FIT).stderr
    assert "image column: 'photo' (guessed)" in guessed
    assert "label column: 'class' (guessed)" in guessed
    images = squares[0]
    np.testing.assert_array_equal(
        load_model(tmp_path / "m").predict_proba(images), load_model(tmp_path / "n").predict_proba(images)
    )


def test_sizes_are_brought_together_and_kept_with_the_model(photos, squares, run, tmp_path):
    mixed = tmp_path / "mixed"
    for i, (image, label) in enumerate(zip(*squares, strict=True)):
        put(mixed / label / f"{i:03}.png", image if i else np.kron(image, np.ones((2, 2, 1), dtype=np.uint8)))
    sentence = fails(run, "fit", mixed, "-o", tmp_path / "m", *FIT)
    assert "24 x 24" in sentence
    assert "--image-size" in sentence
    run("fit", mixed, "-o", tmp_path / "m", "--image-size", "10", *FIT)
    model = load_model(tmp_path / "m")
    assert (model.image_size, model.image_height_) == (10, 10)
    run("predict", tmp_path / "m", photos, "-o", tmp_path / "s.csv")
    assert len(rows_of(tmp_path / "s.csv")) == 80


def test_predict_scores_folders_of_any_depth(fitted, photos, squares, run, run_json, tmp_path):
    new = tmp_path / "new"
    for i in range(3):
        put(new / f"{i}.png", squares[0][i])
    put(new / "more" / "3.PNG", squares[0][3])
    (new / "notes.txt").write_text("no image")
    (row,) = run_json("predict", fitted, new, "-o", tmp_path / "s.csv")
    assert (row["rows"], sum(row["predicted"].values())) == (4, 4)
    found = rows_of(tmp_path / "s.csv")
    assert list(found[0]) == ["file", "prediction", "probability"]
    assert [each["file"] for each in found] == [
        *(str(new / f"{i}.png") for i in range(3)),
        str(new / "more" / "3.PNG"),
    ]
    model = load_model(fitted)
    expected = model.predict_proba(squares[0][:4])[:, list(model.classes_).index("marked")]
    assert [float(each["probability"]) for each in found] == pytest.approx(expected.tolist())
    assert [each["prediction"] for each in found] == model.predict(squares[0][:4]).tolist()
    result = run("predict", fitted, new)
    assert result.stdout.startswith("file,prediction,probability\n")
    assert "1 others there were left out" in result.stderr


def test_predict_keeps_the_columns_and_the_order_of_a_table(fitted, pictures, squares, run, tmp_path):
    run("predict", fitted, pictures, "-o", tmp_path / "s.parquet")
    found = pl.read_parquet(tmp_path / "s.parquet")
    assert found.columns == ["id", "class", "prediction", "probability"]
    assert found["id"].to_list() == [f"{i:03}" for i in range(80)]
    model = load_model(fitted)
    expected = model.predict_proba(squares[0])[:, list(model.classes_).index("marked")]
    assert found["probability"].to_list() == pytest.approx(expected.tolist())
    metadata = pq.read_schema(tmp_path / "s.parquet").metadata
    assert json.loads(metadata[b"counterpoise.thresholds"]).keys() == {"marked", "plain"}


def test_the_column_fitted_to_is_taken_again(pictures, fitted, squares, run, tmp_path):
    table = pq.read_table(pictures)
    white = png(np.full((12, 12, 3), 255, dtype=np.uint8))
    pq.write_table(table.append_column("mask", pa.array([white] * len(table))), tmp_path / "two.parquet")
    sentence = fails(run, "fit", tmp_path / "two.parquet", "-o", tmp_path / "m")
    assert "several columns that may hold images, 'photo', 'mask'; name one with --image" in sentence
    run("fit", tmp_path / "two.parquet", "--image", "photo", "-o", tmp_path / "m", *FIT)
    run("predict", tmp_path / "m", tmp_path / "two.parquet", "-o", tmp_path / "s.csv")
    found = rows_of(tmp_path / "s.csv")
    assert list(found[0]) == ["id", "class", "prediction", "probability"]
    assert len({row["probability"] for row in found}) > 40
    assert "name one with --image" in fails(run, "predict", fitted, tmp_path / "two.parquet")


def test_predict_goes_piece_by_piece(fitted, photos, pictures, monkeypatch, run, tmp_path):
    run("predict", fitted, photos, "-o", tmp_path / "folder.csv")
    run("predict", fitted, pictures, "-o", tmp_path / "table.csv")
    sizes = []
    original, whole = file_inputs.stream_images, stacking.room_for
    monkeypatch.setattr(file_inputs, "stream_images", lambda *a, **s: original(*a, rows_per_piece=32, **s))
    monkeypatch.setattr(stacking, "room_for", lambda shape: sizes.append(shape[0]) or whole(shape))
    for source, name in ((photos, "folder"), (pictures, "table")):
        run("predict", fitted, source, "-o", tmp_path / "pieces.csv")
        assert sizes == [32, 32, 16]
        sizes.clear()
        alone, whole_rows = rows_of(tmp_path / "pieces.csv"), rows_of(tmp_path / f"{name}.csv")
        assert [r.pop("prediction") for r in alone] == [r.pop("prediction") for r in whole_rows]
        assert [float(r.pop("probability")) for r in alone] == pytest.approx(
            [float(r.pop("probability")) for r in whole_rows]
        )
        assert alone == whole_rows


def test_predict_many_tables(fitted, pictures, run, tmp_path):
    folder = tmp_path / "new"
    folder.mkdir()
    for i in range(2):
        pl.read_parquet(pictures)[i::2].write_parquet(folder / f"{i}.parquet")
    run("predict", fitted, f"{folder}/*.parquet", "-o", tmp_path / "scored")
    assert [len(pl.read_parquet(tmp_path / "scored" / f"{i}.parquet")) for i in range(2)] == [40, 40]
    assert "photo" not in pl.read_parquet(tmp_path / "scored" / "0.parquet").columns


def test_evaluate_folders_and_tables_alike(fitted, photos, pictures, run_json, run):
    (row,) = run_json("evaluate", fitted, photos)
    (same,) = run_json("evaluate", fitted, pictures)
    assert (row["rows"], row["minority"], row["backbone"]) == (80, "marked", "convnet")
    for name in ("average_precision", "f1", "brier"):
        assert row[name] == pytest.approx(same[name])
    assert "class 'marked'" in run("evaluate", fitted, photos).stderr


def test_compare_by_default(photos, run_json, run):
    rows = run_json("compare", photos, "--folds", "2", *TRAINING)
    assert [row["method"] for row in rows] == ["erm", "class_weight", "random_oversample", "mamix"]
    assert all(len(row["average_precision"]["folds"]) == 2 for row in rows)
    assert {row["backbone"] for row in rows} == {"convnet"}
    kept = run("compare", photos, "--folds", "2", "--keep", "8", "--methods", "erm", *TRAINING).stdout
    assert kept.count("convnet") >= 1


def test_tune(photos, run_json):
    rows = run_json("tune", photos, "--trials", "2", "--folds", "2", *TRAINING)
    assert len(rows) == 2
    assert rows[0]["settings"] == {}
    assert set(rows[1]["settings"]) <= {"learning_rate", "batch_size", "max_epochs", "method__power"}


@pytest.fixture(scope="module")
def flawed(squares, tmp_path_factory):
    """One image twice in its class, and one with two labels."""
    images, labels = squares
    folder = tmp_path_factory.mktemp("flawed") / "photos"
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        put(folder / label / f"{i:03}.png", image)
    plain = np.flatnonzero(labels == "plain")
    put(folder / "plain" / "again.png", images[plain[0]])
    put(folder / "marked" / "wrong.png", images[plain[1]])
    return folder


def test_diagnose(flawed, run, run_json):
    (row,) = run_json("diagnose", flawed, "--max-epochs", "2")
    assert (row["data"], row["embedding"], row["epochs"]) == ("image", "resnet", 2)
    assert row["classes"] == {"plain": 61, "marked": 21}
    assert row["repeats_within"] == {"marked": 0, "plain": 2}
    assert row["repeats_across"] == 2
    ((one, other),) = row["conflicts"]
    assert {one["label"], other["label"]} == {"marked", "plain"}
    assert one["image"] == str(flawed / "marked" / "wrong.png")
    assert one["row"] == [path.name for path in sorted((flawed / "marked").iterdir())].index("wrong.png")
    assert 0 <= row["difficult_share"] <= 1
    for case in row["most_difficult"]:
        assert case["image"].startswith(str(flawed / "marked"))
        assert all(near["image"].startswith(str(flawed / "plain")) for near in case["nearest"])
    shown = run("diagnose", flawed, "--max-epochs", "1").stdout
    assert "1 image in 3.9 is 'marked': 21 of 82" in shown
    assert "2 images (2.4%) repeat another of their own class: 2 of 61 'plain'." in shown
    assert "same in every pixel" in shown
    assert "2 images repeat one of another class, such as" in shown
    assert f"'marked': {flawed / 'marked' / 'wrong.png'}" in shown
    assert "compared in resnet, trained for 1 epochs at most" in shown
    assert "text" not in shown


def test_diagnose_takes_few_epochs_and_writes_columns(pictures, run_json, monkeypatch, tmp_path):
    epochs = []
    original = ImageClassifier.fit
    monkeypatch.setattr(
        ImageClassifier,
        "fit",
        lambda self, *a, **s: epochs.append(self.max_epochs) or original(self, *a, **s),
    )
    (row,) = run_json(
        "diagnose", pictures, "-o", tmp_path / "d.csv", "--image-size", "20", "--backbone", "convnet"
    )
    assert epochs == [5, 5]
    assert (row["embedding"], row["epochs"]) == ("convnet", 5)
    found = rows_of(tmp_path / "d.csv")
    assert list(found[0]) == ["id", "class", "other_class_neighbours", "near_repeats", "conflicting"]
    assert [each["id"] for each in found] == [f"{i:03}" for i in range(80)]
    assert {case["image"] for case in row["most_difficult"]} <= {None}


def test_methods_say_that_they_take_images(run_json):
    takes = {row["method"]: row["inputs"] for row in run_json("methods")}
    assert "image" in takes["mamix"]
    assert "image" not in takes["tfidf_lr"]


TEXTS = "body,topic\n" + "".join(f"some text number {i},{'a' if i % 4 else 'b'}\n" for i in range(40))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--text", "body"], "--text names a column, and {source} is a folder of images; leave it away"),
        (["--image", "photo"], "--image names a column, and {source} is a folder of images; leave it away"),
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


def test_text_decides_against_images_in_the_same_file(pictures, run, tmp_path):
    """A file with both is one of texts where the column of texts is named."""
    table = pq.read_table(pictures)
    said = [f"an image of {'red' if i % 4 else 'blue and green'} number {i}" for i in range(len(table))]
    pq.write_table(table.append_column("caption", pa.array(said)), tmp_path / "both.parquet")
    run("fit", tmp_path / "both.parquet", "--text", "caption", "-o", tmp_path / "m")
    assert load_model(tmp_path / "m").kind == "text"
    run(
        "predict", tmp_path / "m", tmp_path / "both.parquet", "-o", tmp_path / "s.jsonl"
    )  # the same column again
    result = run("fit", tmp_path / "both.parquet", "-o", tmp_path / "n", *FIT)
    assert "image column: 'photo' (guessed)" in result.stderr
    assert load_model(tmp_path / "n").kind == "image"


def test_bytes_that_are_no_images_do_not_make_a_file_of_texts_one_of_images(run, tmp_path):
    texts = [f"some text number {i}" for i in range(40)]
    columns = {"text": texts, "label": ["a", "b"] * 20, "digest": pa.array([b"\0\1"] * 40, pa.binary())}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    run("fit", tmp_path / "t.parquet", "-o", tmp_path / "m")
    assert load_model(tmp_path / "m").kind == "text"


@pytest.mark.parametrize("option", [["--image-size", "9"], ["--image", "photo"]])
def test_options_of_images_are_refused_for_texts(run, tmp_path, option):
    (tmp_path / "t.csv").write_text(TEXTS)
    sentence = fails(run, "fit", tmp_path / "t.csv", "-o", tmp_path / "m", *option)
    assert sentence.startswith(f"error: {option[0]} ")
    assert "leave it away" in sentence


@pytest.mark.parametrize("command", ["fit", "compare", "tune", "diagnose"])
def test_an_empty_class_folder(command, photos, run, tmp_path):
    folder = tmp_path / "photos"
    put(folder / "cat" / "1.png", np.zeros((9, 9, 3), dtype=np.uint8))
    (folder / "dog").mkdir()
    output = ["-o", tmp_path / "m"] if command == "fit" else []
    sentence = fails(run, command, folder, *output)
    assert f"the class folder {folder / 'dog'} holds no images" in sentence


def test_an_unreadable_file_is_named(photos, fitted, run, tmp_path, squares):
    folder = tmp_path / "photos"
    for i, (image, label) in enumerate(zip(*squares, strict=True)):
        put(folder / label / f"{i:03}.png", image)
    broken = folder / "plain" / "broken.png"
    broken.write_bytes(png(squares[0][0])[:-40])
    for args in (["fit", folder, "-o", tmp_path / "m"], ["evaluate", fitted, folder], ["diagnose", folder]):
        assert f"the image {broken} cannot be decoded" in fails(run, *args)
    assert str(broken) in fails(run, "predict", fitted, folder, "-o", tmp_path / "s.csv")
    assert not (tmp_path / "s.csv").exists()
    pq.write_table(pa.table({"photo": [png(squares[0][0]), b"nothing"]}), tmp_path / "p.parquet")
    sentence = fails(run, "predict", fitted, tmp_path / "p.parquet")
    assert "p.parquet, row 2 (counted from 1) is in no format that Pillow knows" in sentence


def test_a_missing_image_is_named(fitted, run, tmp_path, squares):
    table = pa.table({"photo": pa.array([png(squares[0][0]), None], pa.binary())})
    pq.write_table(table, tmp_path / "p.parquet")
    assert "row 2 (counted from 1) has no image in column 'photo'" in fails(
        run, "predict", fitted, tmp_path / "p.parquet"
    )


def test_another_size_at_prediction(fitted, run, tmp_path):
    put(tmp_path / "new" / "large.png", np.zeros((30, 20, 3), dtype=np.uint8))
    sentence = fails(run, "predict", fitted, tmp_path / "new")
    assert f"{tmp_path / 'new' / 'large.png'} is 30 x 20 pixels" in sentence
    assert "the model was fitted to images of 12 x 12" in sentence


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_models_and_data_of_different_kinds(command, model, fitted, labelled, photos, pictures, run):
    assert f"{photos} holds images, and the model takes texts" in fails(run, command, model, photos)
    assert "pictures.parquet holds images, and the model takes texts" in fails(run, command, model, pictures)
    assert "reviews.csv holds texts, and the model takes images" in fails(run, command, fitted, labelled)
    assert "--text names a column of texts" in fails(run, command, fitted, pictures, "--text", "id")
    assert "--image names a column of images" in fails(run, command, model, labelled, "--image", "photo")
    assert "--encoding is for text files" in fails(run, command, fitted, photos, "--encoding", "latin-1")


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


def test_what_is_not_there_or_empty_is_said_as_it_is(fitted, run, tmp_path):
    assert "there is no file and no data set named" in fails(run, "predict", fitted, "nothing")
    assert "check the path" in fails(run, "evaluate", fitted, tmp_path / "nothing")
    assert "holds no images; give" in fails(run, "predict", fitted, tmp_path)
    (tmp_path / "p.parquet").write_text("nothing")
    assert "p.parquet is no Parquet file" in fails(run, "predict", fitted, tmp_path / "p.parquet")


def test_images_that_do_not_fit_into_memory_lie_on_the_disk(photos, run_json, monkeypatch, tmp_path):
    """Nothing changes but where they lie."""
    asked = [
        ("compare", photos, "--folds", "2", "--methods", "erm", *TRAINING),
        ("diagnose", photos, "--max-epochs", "1"),
    ]
    expected = [run_json(*args) for args in asked]
    run_json("fit", photos, "-o", tmp_path / "memory", *FIT)
    monkeypatch.setattr(stacking, "MOST_IN_MEMORY", 0)
    found = [run_json(*args) for args in asked]
    for name in ("average_precision", "f1"):
        assert found[0][0][name] == expected[0][0][name]
    assert found[1] == expected[1]
    run_json("fit", photos, "-o", tmp_path / "disk", *FIT)
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("memory", "disk")]
    assert weights[0] == weights[1]


def test_what_is_no_folder_of_classes(fitted, photos, run, tmp_path):
    flat = photos / "plain"
    assert "holds no folders; put the images of each class" in fails(run, "fit", flat, "-o", tmp_path / "m")
    single = next(flat.iterdir())
    assert f"{single} is a single image; give the folder that it is in" in fails(
        run, "predict", fitted, single
    )
    sentence = fails(run, "predict", fitted, f"{flat}/*.png", "-o", tmp_path / "s")
    assert "is a single image; give the folder" in sentence
    assert not (tmp_path / "s").exists()


def test_oversample_writes_texts_alone(photos, run, tmp_path):
    sentence = fails(run, "oversample", photos, "-o", tmp_path / "a.csv")
    assert f"new texts are written here, and {photos} holds images" in sentence


def test_a_saved_dataset(squares, fitted, run, run_json, tmp_path):
    datasets = pytest.importorskip("datasets")
    images, labels = squares
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["plain", "marked"])}
    )
    cells = [{"bytes": png(image), "path": None} for image in images]
    numbers = [["plain", "marked"].index(label) for label in labels]
    saved = datasets.Dataset.from_dict({"image": cells, "label": numbers}, features=features)
    datasets.DatasetDict({"train": saved, "test": saved.select(range(30))}).save_to_disk(
        str(tmp_path / "saved")
    )
    run("fit", tmp_path / "saved", "-o", tmp_path / "m", *FIT)
    assert load_model(tmp_path / "m").classes_.tolist() == ["marked", "plain"]
    (row,) = run_json("evaluate", tmp_path / "m", tmp_path / "saved")
    assert row["rows"] == 30
    (row,) = run_json("predict", tmp_path / "m", tmp_path / "saved", "-o", tmp_path / "s.csv")
    assert row["rows"] == 30


@pytest.mark.real_data
def test_a_known_set(run, run_json, tmp_path):
    thinned = ["--keep", "0.02", "--minority", "1", "--set", "backbone__channels=[4]"]
    training = ["--backbone", "convnet", "--max-epochs", "1", "--threshold", "0.5"]
    (row,) = run_json("fit", "mnist", "-o", tmp_path / "m", *thinned, *training)
    assert row["class_counts"] == {"1": 23, "rest": 8865}
    assert (
        "Source: mnist, test, class '1' against the rest, 23 of" in (tmp_path / "m" / "README.md").read_text()
    )
    assert "--image names a column, and mnist is a known set of images" in fails(
        run, "fit", "mnist", "--image", "pixels", "-o", tmp_path / "n"
    )
