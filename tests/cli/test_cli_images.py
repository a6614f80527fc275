"""Images on the command line: folders, Parquet files and known sets, each command."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cli_pictures import FIT, SETTINGS, TRAINING, fails, png, put, rows_of

from counterpoise import ImageClassifier, load_model
from counterpoise.cli import diagnose
from counterpoise.data.image_files import read_images
from counterpoise.estimators import file_inputs
from counterpoise.images import stacking


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


def test_a_parquet_file_gives_the_same_model(pictures, image_model, squares, run, tmp_path):
    result = run("fit", pictures, "--image", "photo", "--label", "class", "-o", tmp_path / "m", *FIT)
    assert "guessed" not in result.stderr
    assert load_model(tmp_path / "m").columns_ == ("photo",)
    assert load_model(image_model).columns_ == ()
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


def test_predict_scores_folders_of_any_depth(image_model, photos, squares, run, run_json, tmp_path):
    new = tmp_path / "new"
    for i in range(3):
        put(new / f"{i}.png", squares[0][i])
    put(new / "more" / "3.PNG", squares[0][3])
    (new / "notes.txt").write_text("no image")
    (row,) = run_json("predict", image_model, new, "-o", tmp_path / "s.csv")
    assert (row["rows"], sum(row["predicted"].values())) == (4, 4)
    found = rows_of(tmp_path / "s.csv")
    assert list(found[0]) == ["file", "prediction", "probability"]
    assert [each["file"] for each in found] == [
        *(str(new / f"{i}.png") for i in range(3)),
        str(new / "more" / "3.PNG"),
    ]
    model = load_model(image_model)
    expected = model.predict_proba(squares[0][:4])[:, list(model.classes_).index("marked")]
    assert [float(each["probability"]) for each in found] == pytest.approx(expected.tolist())
    assert [each["prediction"] for each in found] == model.predict(squares[0][:4]).tolist()
    result = run("predict", image_model, new)
    assert result.stdout.startswith("file,prediction,probability\n")
    assert "1 others there were left out" in result.stderr


def test_predict_keeps_the_columns_and_the_order_of_a_table(image_model, pictures, squares, run, tmp_path):
    run("predict", image_model, pictures, "-o", tmp_path / "s.parquet")
    found = pl.read_parquet(tmp_path / "s.parquet")
    assert found.columns == ["id", "class", "prediction", "probability"]
    assert found["id"].to_list() == [f"{i:03}" for i in range(80)]
    model = load_model(image_model)
    expected = model.predict_proba(squares[0])[:, list(model.classes_).index("marked")]
    assert found["probability"].to_list() == pytest.approx(expected.tolist())
    metadata = pq.read_schema(tmp_path / "s.parquet").metadata
    assert json.loads(metadata[b"counterpoise.thresholds"]).keys() == {"marked", "plain"}


def test_the_column_fitted_to_is_taken_again(pictures, image_model, squares, run, tmp_path):
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
    assert "name one with --image" in fails(run, "predict", image_model, tmp_path / "two.parquet")


def test_predict_goes_piece_by_piece(image_model, photos, pictures, monkeypatch, run, tmp_path):
    run("predict", image_model, photos, "-o", tmp_path / "folder.csv")
    run("predict", image_model, pictures, "-o", tmp_path / "table.csv")
    sizes = []
    original, whole = file_inputs.stream_images, stacking.room_for
    monkeypatch.setattr(file_inputs, "stream_images", lambda *a, **s: original(*a, rows_per_piece=32, **s))
    monkeypatch.setattr(stacking, "room_for", lambda shape: sizes.append(shape[0]) or whole(shape))
    for source, name in ((photos, "folder"), (pictures, "table")):
        run("predict", image_model, source, "-o", tmp_path / "pieces.csv")
        assert sizes == [32, 32, 16]
        sizes.clear()
        alone, whole_rows = rows_of(tmp_path / "pieces.csv"), rows_of(tmp_path / f"{name}.csv")
        assert [r.pop("prediction") for r in alone] == [r.pop("prediction") for r in whole_rows]
        assert [float(r.pop("probability")) for r in alone] == pytest.approx(
            [float(r.pop("probability")) for r in whole_rows]
        )
        assert alone == whole_rows


def test_predict_many_tables(image_model, pictures, run, tmp_path):
    folder = tmp_path / "new"
    folder.mkdir()
    for i in range(2):
        pl.read_parquet(pictures)[i::2].write_parquet(folder / f"{i}.parquet")
    run("predict", image_model, f"{folder}/*.parquet", "-o", tmp_path / "scored")
    assert [len(pl.read_parquet(tmp_path / "scored" / f"{i}.parquet")) for i in range(2)] == [40, 40]
    assert "photo" not in pl.read_parquet(tmp_path / "scored" / "0.parquet").columns


def test_evaluate_folders_and_tables_alike(image_model, photos, pictures, run_json, run):
    (row,) = run_json("evaluate", image_model, photos)
    (same,) = run_json("evaluate", image_model, pictures)
    assert (row["rows"], row["minority"], row["backbone"]) == (80, "marked", "convnet")
    for name in ("average_precision", "f1", "brier"):
        assert row[name] == pytest.approx(same[name])
    assert "class 'marked'" in run("evaluate", image_model, photos).stderr


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


def test_diagnose_says_where_an_image_lies_however_long_that_is() -> None:
    image = f"/photos/{'deep' * 60}/wrong.png"
    assert (
        diagnose._quoted({"row": 3, "label": "marked", "image": image}, "near ")
        == f"near row 3 'marked': {image}"
    )


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


def test_a_saved_dataset(squares, image_model, run, run_json, tmp_path):
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
