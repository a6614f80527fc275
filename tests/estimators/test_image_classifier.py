"""The classifier of images: containers, sizes, search, saving, repeats."""

from __future__ import annotations

import inspect
import io
import pickle

import numpy as np
import PIL.Image
import pytest
from sklearn.base import clone
from sklearn.metrics import average_precision_score
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import counterpoise
from counterpoise import ArrayClassifier, ImageClassifier, fitting
from counterpoise.errors import DataError, ModelError, SettingsError
from counterpoise.estimators.file_inputs import load_file_model
from counterpoise.images import stacking
from tiny_networks import TINY, TRAINING

pytestmark = pytest.mark.filterwarnings("ignore::counterpoise.errors.CounterpoiseWarning")

CONVNET = {"backbone": "convnet", **TRAINING, **TINY["convnet"]}
RESNET = {**TRAINING, **TINY["resnet"]}


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def squares(images_of) -> tuple[np.ndarray, np.ndarray]:
    """Images with string labels, one class rare: 60 plain, 20 marked."""
    images, numbers = images_of((60, 20), 3)
    return images, np.array(["plain", "marked"], dtype=object)[numbers]


@pytest.mark.parametrize("settings", [CONVNET, RESNET], ids=["convnet", "resnet"])
def test_finds_the_class_and_is_the_same_once_saved(settings, squares, tmp_path) -> None:
    images, labels = squares
    classifier = ImageClassifier(**{**settings, "max_epochs": 10, "learning_rate": 0.01}).fit(images, labels)
    probabilities = classifier.predict_proba(images)
    assert average_precision_score(labels == "marked", probabilities[:, 0]) > 0.95
    assert classifier.pos_label_ == "marked"
    assert classifier.embed(images).shape == (80, 16 if settings is CONVNET else 64)
    classifier.save(tmp_path / "m", data="squares")
    for loaded in (ImageClassifier.load(tmp_path / "m"), counterpoise.load_model(tmp_path / "m")):
        np.testing.assert_array_equal(loaded.predict_proba(images), probabilities)
        assert loaded.get_params().keys() == classifier.get_params().keys()
        assert (loaded.image_height_, loaded.image_width_) == (12, 12)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(classifier)).predict_proba(images), probabilities)


def test_predictions_are_not_augmented(squares) -> None:
    classifier = ImageClassifier(backbone__augment=True, **RESNET).fit(*squares)
    once = classifier.predict_proba(squares[0])
    np.testing.assert_array_equal(classifier.predict_proba(squares[0]), once)


def test_files_and_arrays_train_the_same_model(squares) -> None:
    images, labels = squares
    expected = ImageClassifier(**CONVNET).fit(images, labels).predict_proba(images)
    for given in (
        [png(pixels) for pixels in images],
        [PIL.Image.fromarray(p) for p in images],
        images / 255.0,
    ):
        classifier = ImageClassifier(**CONVNET).fit(given, labels)
        np.testing.assert_array_equal(classifier.predict_proba(given), expected)


def test_images_on_the_disk_train_the_same_model(squares, monkeypatch, tmp_path) -> None:
    images, labels = squares
    weights = np.linspace(0, 2, len(images))
    settings = {**CONVNET, "method": "random_oversample", "checkpoint": tmp_path / "c"}
    expected = ImageClassifier(**settings).fit(images, labels, sample_weight=weights).predict_proba(images)
    for file in tmp_path.iterdir():
        file.unlink()
    monkeypatch.setattr(stacking, "MOST_IN_MEMORY", 0)
    given = [png(pixels) for pixels in images]
    classifier = ImageClassifier(**settings).fit(given, labels, sample_weight=weights)
    np.testing.assert_array_equal(classifier.predict_proba(given), expected)


def test_without_a_size_later_images_have_to_be_of_the_fitted_one(squares) -> None:
    images, labels = squares
    classifier = ImageClassifier(**CONVNET).fit(images[:, :, :11], labels)
    assert (classifier.image_height_, classifier.image_width_) == (12, 11)
    with pytest.raises(
        DataError,
        match=r"the image at position 1 is 12 x 12 .* fitted to images of 12 x 11; resize it, or set image",
    ) as error:
        classifier.predict([images[0, :, :11], images[1]])
    assert "\n" not in str(error.value)
    with pytest.raises(DataError, match="position 0 is 12 x 12 pixels"):
        classifier.predict(images)
    with pytest.raises(DataError, match="position 0 is 12 x 12 pixels"):
        classifier.fit(images[:, :, :11], labels, validation=(images, labels))


def test_with_a_size_images_of_any_are_taken(squares, tmp_path) -> None:
    images, labels = squares
    mixed = [pixels[:, : 12 - i % 2] for i, pixels in enumerate(images)]
    classifier = ImageClassifier(image_size=10, **CONVNET).fit(mixed, labels)
    assert (classifier.image_height_, classifier.image_width_) == (10, 10)
    classifier.save(tmp_path / "m")
    loaded = ImageClassifier.load(tmp_path / "m")
    assert loaded.image_size == 10
    np.testing.assert_array_equal(loaded.predict_proba(mixed), classifier.predict_proba(mixed))
    assert loaded.predict(np.zeros((2, 40, 30), dtype=np.uint8)).shape == (2,)
    card = (tmp_path / "m" / "README.md").read_text()
    assert "tags: [image-classification" in card
    assert "images of 10 x 10 pixels (height x width), and brings others to that size" in card
    assert "vocabulary" not in card


def test_parameters_are_those_of_all_classifiers_and_a_size() -> None:
    parameters = ImageClassifier().get_params()
    assert parameters == {**ArrayClassifier().get_params(), "image_size": None}
    classifier = ImageClassifier("focal", image_size=32, backbone__depth=32, max_epochs=3)
    assert clone(classifier).get_params() == classifier.get_params()
    assert repr(classifier) == (
        "ImageClassifier(backbone__depth=32, image_size=32, max_epochs=3, method='focal')"
    )
    assert classifier.set_params(image_size=16).image_size == 16
    assert "image_size" in inspect.signature(ImageClassifier).parameters
    with pytest.raises(TypeError, match="no parameter 'nonsense'"):
        ImageClassifier(nonsense=1)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"image_size": 0}, "image_size is 0; give an int"),
        ({"image_size": (32, 32)}, r"image_size is \(32, 32\)"),
        ({"image_size": True}, "image_size is True"),
        ({"backbone": "textcnn"}, "'textcnn' reads text data, not image; choose one of resnet, convnet"),
        ({"backbone__depth": 21}, "depth of backbone 'resnet' is 21"),
        ({"method": "tfidf_lr"}, "'tfidf_lr' does not take image data"),
        ({"method": "smote"}, "'smote' does not take image data"),
        ({"method": "mixtext"}, "'mixtext' does not take image data"),
        ({"method": "balanced_forest"}, "'balanced_forest' does not take image data"),
    ],
    ids=str,
)
def test_settings_are_refused_before_the_images_are_looked_at(settings, said) -> None:
    with pytest.raises(SettingsError, match=said):
        ImageClassifier(**settings).fit(None, None)


def test_search_pipelines_and_cross_validation(squares) -> None:
    images, labels = squares
    given = [png(pixels) for pixels in images]
    search = GridSearchCV(
        ImageClassifier(**CONVNET),
        {"method": ["erm", "focal"], "backbone__kernel": [2, 3]},
        cv=2,
        scoring="average_precision",
        error_score="raise",
    ).fit(given, (labels == "marked").astype(int))
    assert search.best_estimator_.predict(given[:4]).shape == (4,)
    mirrored = FunctionTransformer(lambda X: X[:, :, ::-1])
    pipeline = make_pipeline(mirrored, ImageClassifier(**CONVNET))
    assert cross_val_predict(pipeline, images, labels, cv=2, method="predict_proba").shape == (80, 2)


def test_repeated_images_stay_on_one_side(squares, monkeypatch) -> None:
    images, labels = squares
    twice, both = np.concatenate([images, images]), np.concatenate([labels, labels])
    seen: list[np.ndarray] = []
    original = fitting.make_folds

    def spying(*args, **kwargs):
        seen.append(kwargs["groups"])
        return original(*args, **kwargs)

    monkeypatch.setattr(fitting, "make_folds", spying)
    ImageClassifier(**CONVNET).fit(twice, both)
    assert len(seen) == 1
    np.testing.assert_array_equal(seen[0][:80], seen[0][80:])
    assert len(np.unique(seen[0])) == 80


def test_a_model_of_images_is_told_from_others(squares, arrays_of, tmp_path) -> None:
    ImageClassifier(**CONVNET).fit(*squares).save(tmp_path / "m")
    assert isinstance(load_file_model(tmp_path / "m"), ImageClassifier)
    rows, numbers = arrays_of((30, 10), 0)
    ArrayClassifier(**TRAINING, **TINY["mlp"]).fit(rows, numbers).save(tmp_path / "a")
    with pytest.raises(
        ModelError, match="holds a classifier of arrays; the command line takes those of texts and images"
    ):
        load_file_model(tmp_path / "a")
    with pytest.raises(ModelError, match="holds a ImageClassifier, not a ArrayClassifier"):
        ArrayClassifier.load(tmp_path / "m")
