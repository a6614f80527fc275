"""What cannot be read is refused in one sentence that names the source, the row and the column."""

import gzip
import io
import json
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from counterpoise.data import readers
from counterpoise.data.columns import OF_NUMBERS
from counterpoise.errors import DataError, SettingsError

BELOW = r"\(counted from 1 below the header\)"
FILES = {
    "empty file": ("a.csv", b"", "is empty"),
    "blank file": ("a.csv", b"\n \n", "is empty"),
    "empty JSON Lines": ("a.jsonl", b"\n\n", "is empty"),
    "empty Parquet": ("a.parquet", b"", "is no Parquet file: it is empty"),
    "header only": ("a.csv", b"text,label\n", r"header \('text', 'label'\) and no rows"),
    "header only, no line end": ("a.csv", b"text,label", "and no rows"),
    "too few values": (
        "a.csv",
        b"text,label\na,b\nc\n",
        f"data row 2 {BELOW} has 1 values where the header has 2",
    ),
    "too many values": ("a.csv", b'text,label\n"a\nb",x\nc,d,e\n', f"data row 2 {BELOW} has 3 values"),
    "open quote": ("a.csv", b'text,label\na,b\n"c,d\ne,f\n', f"data row 2 {BELOW} has a double quote"),
    "open quote in last value": ("a.csv", b'text,label\na,b\nc,"d', f"data row 2 {BELOW} has a double quote"),
    "open quote, one column": ("a.csv", b'text\na\n"b\n', f"data row 2 {BELOW} has a double quote"),
    "open quote in the header": ("a.csv", b'text,"label\na,b\n', "double quote"),
    "null text": (
        "a.jsonl",
        b'{"text": "a", "label": "x"}\n\n{"label": "y"}\n',
        r"line 3 has no text \(null\) in column 'text'",
    ),
    "empty text": (
        "a.csv",
        b"text,label\na b,x\n,y\n",
        f"data row 2 {BELOW} has an empty text in column 'text'",
    ),
    "blank text": ("a.csv", "text,label\n \t\u3000,x\n".encode(), f"data row 1 {BELOW} has an empty text"),
    "empty label": (
        "a.csv",
        b"text,label\na b,x\nb c,\n",
        f"data row 2 {BELOW} has an empty label in column 'label'",
    ),
    "null label": (
        "a.jsonl",
        b'{"text": "a", "label": 1}\n{"text": "b"}\n',
        r"line 2 has no label \(null\) in column 'label'",
    ),
    "broken JSON": ("a.jsonl", b'{"text": "a"}\n' * 16 + b'{"text": \n', "line 17 is not complete JSON"),
    "JSON of another kind": ("a.jsonl", b'{"text": "a"}\n[1]\n', "line 2 holds an array where"),
    "JSON array": ("a.json", b'[{"text": "a"}]', "holds one JSON array"),
    "JSON number too long": (
        "a.jsonl",
        b'{"text": "a"}\n{"n": 1' + b"0" * 5000 + b"}\n",
        "line 2 cannot be read as JSON .*5001 digits",
    ),
    "one odd JSON text": (
        "a.jsonl",
        b'{"text": "a", "label": "x"}\n\n{"text": 42, "label": "y"}\n',
        "line 3 has a number in the text column 'text'; write all of its values as strings",
    ),
    "JSON lists as texts": (
        "a.jsonl",
        b'{"text": ["a"], "label": "x"}\n',
        "line 1 has an array in the text column 'text'",
    ),
    "one odd JSON label": (
        "a.jsonl",
        b'{"text": "a", "label": "x"}\n{"text": "b", "label": true}\n',
        "line 2 has a truth value in the label column 'label'",
    ),
    "JSON lists as labels": (
        "a.jsonl",
        b'{"text": "a", "label": [1]}\n{"text": "b", "label": {}}\n',
        "line 1 has an array in the label column 'label'",
    ),
    "deep JSON": ("a.jsonl", b'{"a":' + b"[" * 100_000 + b"\n", "line 1 is"),
    "surrogate": (
        "a.jsonl",
        b'{"text": "a", "label": "x"}\n{"text": "\\ud800", "label": "x"}\n',
        "line 2, column 'text' holds half",
    ),
    "numbers as text, CSV": (
        "a.csv",
        b"text,label\n1,x\n2.5e3,y\n",
        f"every value in the text column 'text' is a number; name another .*; {OF_NUMBERS}$",
    ),
    "numbers as text, JSON": (
        "a.jsonl",
        b'{"text": 1, "label": "x"}\n',
        r"the text column 'text' holds numbers",
    ),
    "foreign Parquet": ("a.parquet", b"text,label\na,b\n", "is no Parquet file: it begins with"),
    "NUL bytes": ("a.csv", "text,label\na,b\n".encode("utf-16-le"), "--encoding utf-16-le"),
    "not gzip": ("a.csv.gz", b"text,label\na,b\n", "is named .gz but is not compressed"),
    "cut-off gzip": (
        "a.csv.gz",
        gzip.compress(b"text,label\n" + b"a,b\n" * 999)[:-9],
        "damaged or cut-off gzip",
    ),
    "no text column": (
        "a.csv",
        b"n,m\n1,2\n3,4\n",
        f"has no column of texts among 'n', 'm'; .*; {OF_NUMBERS}$",
    ),
    "numbers and labels": (
        "a.csv",
        b"n,m,label\n1,2,a\n3,4,b\n",
        f"has strings in 'label' only, named like a label and not like a text; .*; {OF_NUMBERS}$",
    ),
    "two text columns": (
        "a.csv",
        b"p,q,label\nlong one,long two,x\n",
        "which column is the text cannot be told",
    ),
    "no label column": ("a.csv", b"text,n\na,1\nb,2\nc,3\nd,4\n", "which column is the label cannot be told"),
    "two label columns": ("a.csv", b"text,k,l\na,1,2\nb,2,1\nc,1,2\nd,1,1\n", "'k', 'l' would do"),
    "the same column twice": ("a.csv", b"text,text,label\na,b,c\n", "has 2 columns named 'text'"),
    "the same label column twice": ("a.csv", b"text,label,label\na,b,c\n", "has 2 columns named 'label'"),
    "two columns of one common name": (
        "a.csv",
        b"Text,text,label\na,b,c\n",
        "which column is the text cannot be told .'Text', 'text' would do.",
    ),
}


@pytest.mark.parametrize(("name", "content", "message"), FILES.values(), ids=FILES)
def test_bad_file(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        readers.read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("before", "row", "line"),
    [
        (b"text,label\n", 1, 2),
        (b'text,label\n"a\nb",x\nc,y\n', 3, 5),
        (b"text,label\n" + b"ab,x\n" * 300_000, 300_001, 300_002),
        (b"\ntext,label\n\na,x\n", 2, 5),
    ],
)
def test_undecodable_byte(tmp_path, before, row, line):
    path = tmp_path / "a.csv"
    path.write_bytes(before + b"caf\xe9,x\n")
    message = (
        rf"byte 0xE9 at offset {len(before) + 3} \(line {line}\).*--encoding latin-1.*data row {row} {BELOW}"
    )
    with pytest.raises(DataError, match=message):
        readers.read(path)
    assert readers.read(path, encoding="latin-1").texts[-1] == "café"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\ntext\na\n\nb\n", "data row 2 .* has an empty text in column 'text'"),
        (b"text\r\na\r\n\r\n", "data row 2 .* has an empty text in column 'text'"),
        (b"\ntext\na\n\ncaf\xe9\n", r"\(line 5\).*data row 3 "),
    ],
)
def test_an_empty_line_of_one_column_is_a_row(tmp_path, content, message):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        readers.read(tmp_path / "a.csv", needs_label=False)


def test_undecodable_byte_elsewhere(tmp_path, monkeypatch):
    content = '\ufeff{"text": "a"}\n'.encode() + b'{"text": "\xff"}\n'
    (tmp_path / "a.jsonl").write_bytes(content)
    with pytest.raises(DataError, match=r"byte 0xFF at offset 27 \(line 2\)"):
        readers.read(tmp_path / "a.jsonl", needs_label=False)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"text,label\nab,x\n\xc3")))
    with pytest.raises(DataError, match=r"standard input is not UTF-8: byte 0xC3 at offset 16 \(line 3\)"):
        readers.read("-")


PARQUET = {
    "numbers": ({"text": [1, 2], "label": ["a", "b"]}, rf"'text' holds numbers \(int64\).*; {OF_NUMBERS}$"),
    "lists": (
        {"text": [["a"], ["b"]], "label": ["a", "b"]},
        r"text column 'text' holds lists or objects.*'label'$",
    ),
    "truth values": ({"text": [True, False], "label": ["a", "b"]}, r"text column 'text' holds truth values"),
    "null text": (
        {"text": ["a", None], "label": ["a", "b"]},
        r"row 2 \(counted from 1\) has no text \(null\)",
    ),
    "only nulls": ({"text": pa.nulls(2), "label": ["a", "b"]}, r"row 1 \(counted from 1\) has no text"),
    "null label": ({"text": ["a", "b"], "label": ["a", None]}, r"row 2 \(counted from 1\) has no label"),
    "fraction": ({"text": ["a", "b"], "label": [1.0, 2.5]}, r"row 2 .* has 2.5 in the label column"),
    "NaN": ({"text": ["a", "b"], "label": [1.0, float("nan")]}, r"row 2 .* has no label"),
    "infinite": ({"text": ["a", "b"], "label": [1.0, float("inf")]}, r"row 2 .* has inf"),
    "label lists": ({"text": ["a", "b"], "label": [["a"], ["b"]]}, r"label column 'label' holds lists"),
    "no rows": ({"text": pa.array([], pa.string()), "label": pa.array([], pa.string())}, "without rows"),
}


@pytest.mark.parametrize(("columns", "message"), PARQUET.values(), ids=PARQUET)
def test_bad_parquet(tmp_path, columns, message):
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=message):
        readers.read(tmp_path / "a.parquet")


def test_cut_off_parquet(tmp_path):
    pq.write_table(pa.table({"text": ["a"] * 1000, "label": ["b"] * 1000}), tmp_path / "a.parquet")
    whole = (tmp_path / "a.parquet").read_bytes()
    for size in (5, len(whole) // 2, len(whole) - 1):
        (tmp_path / "a.parquet").write_bytes(whole[:size])
        with pytest.raises(DataError, match="cut-off or damaged Parquet file"):
            readers.read(tmp_path / "a.parquet")


@pytest.mark.parametrize("option", ["text", "label", "group", "time"])
def test_no_such_column(tmp_path, option):
    (tmp_path / "a.csv").write_text("text,label\na,b\n")
    with pytest.raises(
        DataError, match="has no column 'labell'; it has 'text', 'label'; did you mean 'label'"
    ):
        readers.read(tmp_path / "a.csv", **{option: "labell"})


def test_a_named_column_that_is_there_twice(tmp_path):
    (tmp_path / "a.csv").write_text("text,text,label\na,b,c\n")
    with pytest.raises(DataError, match="has 2 columns named 'text'; rename all but one"):
        readers.read(tmp_path / "a.csv", text="text")


def test_one_column_for_both(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\na,b\n")
    with pytest.raises(DataError, match="named both as text and as label"):
        readers.read(tmp_path / "a.csv", text="text", label="text")


def test_missing_sources(tmp_path):
    (tmp_path / "reviews.csv").write_text("text,label\na,b\n")
    with pytest.raises(DataError, match=r"there is no file '.*review.csv'.*did you mean 'reviews.csv'"):
        readers.read(tmp_path / "review.csv")
    with pytest.raises(DataError, match=r"no data set named 'sms_spma'.*did you mean 'sms_spam'"):
        readers.read("sms_spma")
    with pytest.raises(DataError, match="a folder that was not saved by Hugging Face datasets"):
        readers.read(tmp_path)


def test_wrong_settings(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\na,b\n")
    with pytest.raises(SettingsError, match="has no splits, so there is no 'test'"):
        readers.read(tmp_path / "a.csv", split="test")
    for encoding in ("utf-99", "base64", "undefined", "idna"):
        with pytest.raises(SettingsError, match=f"encoding '{encoding}'"):
            readers.read(tmp_path / "a.csv", encoding=encoding)


def test_bad_group_and_time(tmp_path):
    (tmp_path / "a.csv").write_text("text,label,g,t\na b,x,1,2026-01-01\nc d,y,,soon\n")
    with pytest.raises(DataError, match=r"data row 2 .* has an empty group in column 'g'"):
        readers.read(tmp_path / "a.csv", group="g")
    with pytest.raises(DataError, match=r"data row 2 .* has 'soon' in the time column 't'"):
        readers.read(tmp_path / "a.csv", time="t")


@pytest.mark.parametrize("option", ["group", "time"])
def test_numbers_that_are_none_in_groups_and_times(tmp_path, option):
    table = pa.table({"text": ["a", "b"], "label": ["x", "y"], "n": [1.0, float("nan")]})
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(DataError, match=rf"row 2 .* has no {option} \(null\) in column 'n'"):
        readers.read(tmp_path / "a.parquet", **{option: "n"})


@pytest.mark.parametrize(("option", "value"), [("group", "[1]"), ("time", '"2026-01-01"')])
def test_json_values_of_several_kinds_in_groups_and_times(tmp_path, option, value):
    lines = [f'{{"text": "a", "label": "x", "more": {each}}}' for each in (value, 2)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    with pytest.raises(DataError, match=rf"line [12] has an? (array|number) in the {option} column 'more'"):
        readers.read(tmp_path / "a.jsonl", **{option: "more"})


def test_times_out_of_reach(tmp_path):
    times = pa.array([0, 10**15], pa.timestamp("s"))
    pq.write_table(pa.table({"text": ["a", "b"], "label": ["x", "y"], "t": times}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="time column 't' holds a time that is too far away"):
        readers.read(tmp_path / "a.parquet", time="t")
    (tmp_path / "a.csv").write_text("text,label,t\na,x,0001-01-01T00:00:00+05:00\n")
    with pytest.raises(DataError, match=r"data row 1 .* has '0001-.*' in the time column 't'"):
        readers.read(tmp_path / "a.csv", time="t")


def test_damaged_saved_dataset(tmp_path):
    (tmp_path / "state.json").write_text(json.dumps({"_data_files": [{"filename": "gone.arrow"}]}))
    with pytest.raises(DataError, match=r"gone.arrow is missing"):
        readers.read(tmp_path)
    (tmp_path / "gone.arrow").write_bytes(b"not arrow at all")
    with pytest.raises(DataError, match=r"gone.arrow is a cut-off or damaged Arrow file"):
        readers.read(tmp_path)
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(DataError, match=r"state.json cannot be read as JSON"):
        readers.read(tmp_path)
