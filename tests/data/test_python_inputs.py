"""What Python users hold becomes the same two arrays, whatever package it comes from."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from sklearn.exceptions import DataConversionWarning

from counterpoise.data.python_inputs import as_labels, as_texts
from counterpoise.errors import DataError
from counterpoise.images.python_inputs import as_images

TEXTS = ["one text", "zwei", "三"]


def forms():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    datasets = pytest.importorskip("datasets")
    frame = {"text": TEXTS}
    return {
        "list": TEXTS,
        "tuple": tuple(TEXTS),
        "array of U": np.array(TEXTS),
        "array of object": np.array(TEXTS, dtype=object),
        "column array": np.array(TEXTS, dtype=object)[:, None],
        "StringDType": np.array(TEXTS, dtype=np.dtypes.StringDType()),
        "pandas Series": pandas.Series(TEXTS, index=[5, 6, 7]),
        "pandas object Series": pandas.Series(TEXTS, dtype=object),
        "pandas category": pandas.Series(TEXTS, dtype="category"),
        "pandas array": pandas.array(TEXTS),
        "pandas Categorical": pandas.Categorical(TEXTS),
        "pandas Index": pandas.Index(TEXTS),
        "pandas DataFrame": pandas.DataFrame(frame),
        "polars Series": polars.Series(TEXTS),
        "polars DataFrame": polars.DataFrame(frame),
        "Arrow array": pa.array(TEXTS),
        "Arrow chunks": pa.chunked_array([TEXTS[:1], TEXTS[1:]]),
        "Arrow table": pa.table(frame),
        "datasets": datasets.Dataset.from_dict(frame),
        "datasets column": datasets.Dataset.from_dict(frame)["text"],
    }


def test_texts_of_every_form():
    for form, data in forms().items():
        texts = as_texts(data)
        assert texts.tolist() == TEXTS, form
        assert (texts.dtype, texts.ndim) == (object, 1), form
        assert {type(text) for text in texts} == {str}, form


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
def test_labels_of_every_form():
    for form, data in forms().items():
        labels = as_labels(data)
        assert labels.tolist() == TEXTS, form
        assert (labels.dtype, labels.ndim) == (object, 1), form


def test_several_text_columns_are_joined():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    columns = {"title": ["A", None], "body": ["b c", "d"]}
    expected = ["A\nb c", "d"]
    assert as_texts(pandas.DataFrame(columns)).tolist() == expected
    assert as_texts(polars.DataFrame(columns)).tolist() == expected
    assert as_texts(pa.table(columns)).tolist() == expected


def nan_series():
    return pytest.importorskip("pandas").Series(["a", None])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("one text", "texts are one str; give a list"),
        (b"one", "texts are one bytes"),
        ([b"one"], "position 0 is of type bytes"),
        ([1, 2], "position 0 is of type int"),
        (np.array([[1.5], [2.5]]), "position 0 is of type float"),
        (["a", ["b"]], "position 1 is of type list"),
        (["a", None], r"position 1 is missing \(None\)"),
        (["a", float("nan")], "position 1 is missing"),
        (["a", "b", " \n"], "position 2 is empty"),
        ([], r"no texts \(0 samples\)"),
        ({"a": 1}, "of type dict"),
        ({"a"}, "of type set"),
        (iter(["a"]), "give a list"),
        (7, "of type int"),
        (np.array("a"), "0 dimensions"),
        (np.empty((2, 2, 2), dtype=object), "3 dimensions"),
        (nan_series(), "position 1 is missing"),
    ],
)
def test_bad_texts(data, message):
    with pytest.raises(DataError, match=message):
        as_texts(data)


@pytest.mark.parametrize(
    "labels",
    [np.array([1, 0]), np.array([True, False]), np.array([1.0, 0.0]), np.array([3, 1], dtype=np.int8)],
)
def test_numbers_keep_their_dtype(labels):
    assert as_labels(labels).dtype == labels.dtype
    assert as_labels(labels.tolist()).tolist() == labels.tolist()
    assert as_labels(labels.astype(object)).dtype.kind == np.asarray(labels.tolist()).dtype.kind


def test_whole_numbers_of_pandas_that_may_be_missing():
    pandas = pytest.importorskip("pandas")
    assert as_labels(pandas.array([1, 0], dtype="Int64")).tolist() == [1, 0]
    with pytest.raises(DataError, match="the label at position 1 is missing"):
        as_labels(pandas.array([1, None], dtype="Int64"))


def test_a_query_of_polars_has_to_be_collected():
    lazy = pytest.importorskip("polars").LazyFrame({"text": TEXTS})
    for read, what in ((as_texts, "texts are"), (as_labels, "labels are"), (as_images, "X is")):
        with pytest.raises(DataError, match=rf"^{what} a polars LazyFrame, .*\.collect\(\)"):
            read(lazy)


def test_column_vector_is_flattened_with_a_warning():
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        assert as_labels(np.array([[1], [0]])).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("spam", "labels are one str"),
        ([], r"no labels \(0 samples\)"),
        ([0.5, 1.0], "Unknown label type: continuous; the label at position 0 is 0.5"),
        ([1.0, float("nan")], "position 1 is missing"),
        (np.array([1.0, np.inf]), "position 1 is inf"),
        (["a", None], "position 1 is missing"),
        (["a", 1], "labels are numbers? and strings"),
        ([["a"], ["b"]], "list object"),
        (np.array([[1, 0], [0, 1]]), "labels have 2 columns"),
        (nan_series(), "position 1 is missing"),
    ],
)
def test_bad_labels(data, message):
    with pytest.raises(DataError, match=message):
        as_labels(data)


def test_no_heavy_import():
    code = (
        "import sys; from counterpoise.data.python_inputs import as_texts, as_labels;"
        "as_texts(['a']); as_labels(['b']);"
        "print(sorted({'pandas', 'polars', 'datasets', 'sklearn', 'torch', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
