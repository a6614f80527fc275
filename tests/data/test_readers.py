"""Reading whole sources: every format gives the same texts and labels, byte for byte."""

import gzip
import io
import json
import os
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterpoise.data import readers
from counterpoise.data.source_kinds import source_kind
from counterpoise.data.writers import TableWriter
from counterpoise.errors import DataError, SettingsError

TEXTS = ["plain", 'a "quoted", one', "two\nlines", "naïve — 长文本 🙂", "tab\there", "00123 is no number"]
LABELS = ["ham", "spam", "ham", "spam", "ham", "x,y"]


@pytest.fixture
def table():
    return pa.table({"id": ["001", "002", "003", "1e5", "005", "006"], "text": TEXTS, "label": LABELS})


def write(path, table):
    with TableWriter(path) as out:
        out.write(table)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "a.csv",
        "a.tsv",
        "a.jsonl",
        "a.ndjson",
        "a.json",
        "a.parquet",
        "a.csv.gz",
        "a.tsv.zst",
        "a.jsonl.gz",
        "a.jsonl.zst",
    ],
)
def test_every_format_gives_the_same_rows(tmp_path, table, name):
    data = readers.read(write(tmp_path / name, table))
    assert data.texts.tolist() == TEXTS
    assert data.labels.tolist() == LABELS
    assert data.texts.dtype == object
    assert data.table.column("id").to_pylist() == table.column("id").to_pylist()
    assert data.notes == ("text column: 'text' (guessed)", "label column: 'label' (guessed)")


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd"])
def test_parquet_codecs(tmp_path, table, compression):
    pq.write_table(table, tmp_path / "a.parquet", compression=compression)
    assert readers.read(tmp_path / "a.parquet").texts.tolist() == TEXTS


@pytest.mark.parametrize(
    "kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_strings_however_stored(tmp_path, kind):
    table = pa.table({"text": pa.array(["a b", "c d"]).cast(kind), "label": pa.array(["x", "y"]).cast(kind)})
    pq.write_table(table, tmp_path / "a.parquet")
    data = readers.read(tmp_path / "a.parquet")
    assert (data.texts.tolist(), data.labels.tolist()) == (["a b", "c d"], ["x", "y"])


FORMATS_WITH_TEXT = st.sampled_from(["r.csv", "r.tsv", "r.jsonl", "r.parquet"])
# A text must hold something besides white space, and no half of a surrogate pair; all else is fair.
ANY_TEXT = (
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=30).filter(str.strip).map(lambda t: t + " a")
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(ANY_TEXT, st.sampled_from(["ham", "spam"])), min_size=1, max_size=6),
    name=FORMATS_WITH_TEXT,
)
def test_round_trip(tmp_path, rows, name):
    texts, labels = [text for text, _ in rows], [label for _, label in rows]
    path = write(tmp_path / name, pa.table({"text": texts, "label": labels}))
    data = readers.read(path)
    assert data.texts.tolist() == texts
    assert data.labels.tolist() == labels


CSV = "text,label\nnaïve café,ham\n“ok”,spam\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_told_by_their_first_bytes(tmp_path, encoding):
    (tmp_path / "a.csv").write_bytes(CSV.encode(encoding))
    assert readers.read(tmp_path / "a.csv").texts.tolist() == ["naïve café", "“ok”"]
    assert readers.read(tmp_path / "a.csv").table.column_names == ["text", "label"]


def test_utf16_big_endian(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xfe\xff" + CSV.encode("utf-16-be"))
    assert readers.read(tmp_path / "a.csv").texts.tolist() == ["naïve café", "“ok”"]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16-le", "gb18030"])
def test_named_encoding(tmp_path, encoding):
    text = "“ok”" if encoding != "gb18030" else "中文标题"
    (tmp_path / "a.csv").write_bytes(f"text,label\n{text},ham\n".encode(encoding))
    assert readers.read(tmp_path / "a.csv", encoding=encoding).texts.tolist() == [text]
    (tmp_path / "a.jsonl").write_bytes(f'{{"text": "{text}", "label": "x"}}\n'.encode(encoding))
    assert readers.read(tmp_path / "a.jsonl", encoding=encoding).texts.tolist() == [text]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("end", [True, False])
def test_delimiters_and_line_ends(tmp_path, delimiter, newline, end):
    lines = [f"text{delimiter}label", f"a b{delimiter}ham", "", f'"x{delimiter}y"{delimiter}spam']
    (tmp_path / "a.csv").write_bytes((newline.join(lines) + (newline if end else "")).encode())
    data = readers.read(tmp_path / "a.csv")
    assert data.texts.tolist() == ["a b", f"x{delimiter}y"]
    assert data.labels.tolist() == ["ham", "spam"]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("end", [True, False])
def test_one_column_ends_with_or_without_a_line_end(tmp_path, newline, end):
    (tmp_path / "a.csv").write_bytes((newline.join(["text", "a b", "c"]) + (newline if end else "")).encode())
    assert readers.read(tmp_path / "a.csv", needs_label=False).texts.tolist() == ["a b", "c"]


def test_unnamed_columns_are_carried(tmp_path):
    (tmp_path / "spam.csv").write_bytes("v1,v2,,\nham,£5 please,,\nspam,win £9,x,\n".encode("latin-1"))
    data = readers.read(tmp_path / "spam.csv", encoding="latin-1")
    assert (data.text_columns, data.label_column) == (("v2",), "v1")
    assert data.texts.tolist() == ["£5 please", "win £9"]
    assert data.table.num_columns == 4


def test_guess_by_shape(tmp_path):
    rows = [
        {"who": f"u{i}", "said": f"a rather long sentence number {i}", "kind": "ab"[i % 2]} for i in range(20)
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = readers.read(tmp_path / "a.jsonl")
    assert (data.text_columns, data.label_column) == (("said",), "kind")


def test_several_text_columns_leave_out_blank_parts(tmp_path):
    (tmp_path / "a.csv").write_text("title,body,y\nA,b,1\n,only body,0\nonly title,,1\n")
    data = readers.read(tmp_path / "a.csv", text=("title", "body"), label="y")
    assert data.texts.tolist() == ["A\nb", "only body", "only title"]


def test_missing_json_keys_are_null_and_late_keys_are_kept(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a", "label": 1}\n\n{"text": "b", "label": 0, "late": [1]}\n')
    data = readers.read(tmp_path / "a.jsonl")
    assert data.labels.tolist() == ["1", "0"]
    assert data.table.column("late").to_pylist() == [None, "[1]"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([3, -1]), ["3", "-1"]),
        (pa.array([True, False]), ["True", "False"]),
        (pa.array([1.0, 2.0]), ["1", "2"]),
        (pa.array(["a", " b "]), ["a", " b "]),
    ],
)
def test_labels_become_strings(tmp_path, values, expected):
    pq.write_table(pa.table({"text": ["one text", "two text"], "label": values}), tmp_path / "a.parquet")
    assert readers.read(tmp_path / "a.parquet").labels.tolist() == expected


def test_labels_are_read_only_when_needed(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\na b,\n")
    assert readers.read(tmp_path / "a.csv", needs_label=False).labels is None
    with pytest.raises(DataError, match=r"data row 1 .* has an empty label in column 'label'"):
        readers.read(tmp_path / "a.csv")


def test_groups_and_times(tmp_path):
    (tmp_path / "a.csv").write_text(
        "text,label,user,when\na b,x,7,2026-03-01\nc d,y,8,2026-03-01T12:00:00+02:00\n"
    )
    data = readers.read(tmp_path / "a.csv", group="user", time="when")
    assert data.groups.tolist() == ["7", "8"]
    assert data.times.astype("datetime64[h]").astype(str).tolist() == ["2026-03-01T00", "2026-03-01T10"]
    numbered = readers.read(tmp_path / "a.csv", time="user")
    assert numbered.times.tolist() == [7.0, 8.0]


def test_times_are_told_apart_to_the_microsecond(tmp_path):
    times = pa.array([1_001, 2_000], pa.timestamp("ns"))
    pq.write_table(pa.table({"text": ["a", "b"], "label": ["x", "y"], "t": times}), tmp_path / "a.parquet")
    assert readers.read(tmp_path / "a.parquet", time="t").times.astype(int).tolist() == [1, 2]


@pytest.fixture
def saved(tmp_path):
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])}
    )
    rows = {"text": ["a b", "c d", "e f"], "label": [0, 1, 1]}
    train = datasets.Dataset.from_dict(rows, features=features)
    train.select([2, 0]).save_to_disk(tmp_path / "one")
    datasets.DatasetDict(train=train, validation=train.select([1])).save_to_disk(tmp_path / "many")
    train.to_parquet(tmp_path / "hf.parquet")
    return tmp_path


def test_saved_datasets(saved):
    one = readers.read(saved / "one")
    assert (one.texts.tolist(), one.labels.tolist()) == (["e f", "a b"], ["pos", "neg"])
    many = readers.read(saved / "many")
    assert many.labels.tolist() == ["neg", "pos", "pos"]
    assert many.notes[0] == "split: train"
    assert len(readers.read(saved / "many", split="all").texts) == 4
    assert readers.read(saved / "many", default_split="validation").texts.tolist() == ["c d"]
    assert readers.splits_of(saved / "many") == ("train", "validation")
    assert readers.splits_of(saved / "one") == ()
    with pytest.raises(SettingsError, match="has no split 'test', only 'train', 'validation'"):
        readers.read(saved / "many", split="test")


def test_class_names_of_a_parquet_file_from_datasets(saved):
    assert readers.read(saved / "hf.parquet").labels.tolist() == ["neg", "pos", "pos"]


def given_on_standard_input(monkeypatch, content):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_standard_input(monkeypatch, tmp_path, table):
    for name in ["a.csv", "a.tsv", "a.jsonl", "a.parquet", "a.csv.gz", "a.jsonl.zst"]:
        given_on_standard_input(monkeypatch, write(tmp_path / name, table).read_bytes())
        data = readers.read("-")
        assert data.texts.tolist() == TEXTS
        assert data.source == "standard input"


@pytest.fixture
def piped():
    """Content in a pipe, as a shell's ``<(...)`` names it."""
    ends = []

    def pipe(content):
        reading, writing = os.pipe()
        ends.append(reading)
        os.write(writing, content)
        os.close(writing)
        return f"/dev/fd/{reading}"

    yield pipe
    for end in ends:
        os.close(end)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet", "a.csv.gz"])
def test_a_pipe_is_read_once(tmp_path, table, name, piped):
    content = write(tmp_path / name, table).read_bytes()
    source = piped(content)
    assert source_kind(source) == "text"
    assert readers.splits_of(source) == ()
    assert readers.read(source).texts.tolist() == TEXTS
    source = piped(content)
    assert source_kind(source, otherwise="image") == "image"
    pieces = readers.stream(source, rows_per_chunk=4)
    assert [text for piece in pieces for text in piece.texts] == TEXTS


def test_an_existing_file_wins_over_a_known_name(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trec").write_text("text,label\nmine,a\n")
    assert readers.read("trec").texts.tolist() == ["mine"]


def test_content_wins_over_a_wrong_ending(tmp_path, table):
    pq.write_table(table, tmp_path / "a.csv")
    (tmp_path / "a.txt").write_bytes(gzip.compress(b"text,label\na b,x\n"))
    assert readers.read(tmp_path / "a.csv").texts.tolist() == TEXTS
    assert readers.read(tmp_path / "a.txt").texts.tolist() == ["a b"]


def test_texts_are_plain_str(tmp_path, table):
    data = readers.read(write(tmp_path / "a.parquet", table))
    assert {type(text) for text in data.texts} == {str}
    assert isinstance(data.labels, np.ndarray)
