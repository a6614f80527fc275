"""Tables that are written come back the same, whatever the format, with metadata where it has a place."""

import io
import json
import sys
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from counterpoise.data import readers
from counterpoise.data.writers import TableWriter, output_format
from counterpoise.errors import OutputError, SettingsError


def write(path, *tables, metadata=None):
    with TableWriter(path, metadata=metadata) as out:
        for table in tables:
            out.write(table)
    return path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.csv", ("csv", None)),
        ("a.b.TSV", ("tsv", None)),
        ("a.jsonl.gz", ("jsonl", "gzip")),
        ("a.ndjson.zst", ("jsonl", "zstd")),
        ("a.parquet", ("parquet", None)),
        ("-", ("csv", None)),
    ],
)
def test_format_by_name(path, expected):
    assert output_format(path) == expected


@pytest.mark.parametrize("path", ["a", "a.xlsx", "a.gz", "a.parquet.gz"])
def test_names_without_format(path):
    with pytest.raises(SettingsError, match="ending"):
        output_format(path)


def test_csv_quoting_and_numbers(tmp_path):
    table = pa.table(
        {
            "text": ['say "hi"', "a,b", "two\r\nlines", "", None, " edge "],
            "the,n": [1, -2, None, 4, 5, 6],
            "p": [0.1, 1 / 3, 1e-17, float("nan"), None, 1.0],
            "on": [True, False, None, True, True, True],
        }
    )
    assert write(tmp_path / "a.csv", table.slice(0, 3), table.slice(3)).read_bytes().decode() == (
        'text,"the,n",p,on\n"say ""hi""",1,0.1,true\n"a,b",-2,0.3333333333333333,false\n'
        '"two\r\nlines",,1e-17,\n,4,nan,true\n,5,,true\n edge ,6,1,true\n'
    )


def test_one_empty_value_is_a_row_still(tmp_path):
    table = pa.table({"text": ["a", "", None, "b"]})
    assert write(tmp_path / "a.csv", table).read_text() == 'text\na\n""\n""\nb\n'


def test_csv_through_a_stream_unchanged(tmp_path):
    content = 'id,text,p,,\n007,"a ""b"", c",1e5,,x\nNA,  d,0.10,"two\nlines",\n'
    (tmp_path / "in.csv").write_text(content)
    write(tmp_path / "out.csv", *(chunk.table for chunk in readers.stream(tmp_path / "in.csv")))
    assert (tmp_path / "out.csv").read_text() == content


def test_columns_that_csv_lacks(tmp_path):
    table = pa.table(
        {
            "words": [["a", 'b"c'], None],
            "kind": pa.array(["x", "y"]).dictionary_encode(),
            "when": [datetime(2026, 3, 1, 12), None],
            "bytes": [b"ab", b"\xff"],
        }
    )
    data = pa.csv.read_csv(write(tmp_path / "a.csv", table))
    assert json.loads(data.column("words").to_pylist()[0]) == ["a", 'b"c']
    assert data.column("bytes").to_pylist() == ['"ab"', '"\\\\xff"']
    assert data.column("kind").to_pylist() == ["x", "y"]


@pytest.mark.parametrize(
    "kind", [pa.binary(16), pa.binary_view(), pa.uuid(), pa.dictionary(pa.int8(), pa.binary())]
)
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_bytes_however_stored(tmp_path, kind, name):
    stored = pa.array([bytes(range(240, 256)), None], pa.binary(16))
    if kind == pa.uuid():
        column, expected = (
            pa.ExtensionArray.from_storage(kind, stored),
            "f0f1f2f3-f4f5-f6f7-f8f9-fafbfcfdfeff",
        )
    else:
        values = pa.array(stored.to_pylist(), pa.binary())
        column = (
            values.dictionary_encode() if pa.types.is_dictionary(kind) else pa.array(stored.to_pylist(), kind)
        )
        expected = "".join(f"\\x{byte:02x}" for byte in range(240, 256))
    path = write(tmp_path / name, pa.table({"id": column, "n": [1, 2]}))
    if name == "a.csv":
        assert json.loads(pa.csv.read_csv(path).column("id").to_pylist()[0]) == expected
    else:
        assert json.loads(path.read_text().splitlines()[0])["id"] == expected


def test_json_lines_give_valid_json(tmp_path):
    table = pa.table(
        {
            "text": ["a\nb", "é"],
            "p": [float("nan"), 0.5],
            "l": [[1.0, float("inf")], None],
            "d": [date(2026, 1, 2), None],
        }
    )
    rows = [json.loads(line) for line in write(tmp_path / "a.jsonl", table).read_text().splitlines()]
    assert rows == [
        {"text": "a\nb", "p": None, "l": [1.0, None], "d": "2026-01-02"},
        {"text": "é", "p": 0.5, "l": None, "d": None},
    ]


def test_json_lines_through_a_stream_unchanged(tmp_path):
    rows = [{"text": "a", "more": {"k": [1, None]}, "mixed": 1}, {"text": "b", "more": None, "mixed": "s"}]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    write(tmp_path / "out.jsonl", *(chunk.table for chunk in readers.stream(tmp_path / "in.jsonl")))
    assert [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()] == rows


def test_parquet_metadata_and_types(tmp_path):
    table = pa.table({"text": ["a"], "p": np.array([0.5], dtype=np.float32)}).replace_schema_metadata(
        {"pandas": "{}"}
    )
    schema = pq.read_schema(write(tmp_path / "a.parquet", table, table, metadata={"threshold": "0.25"}))
    assert schema.metadata == {b"threshold": b"0.25"}
    assert schema.field("p").type == pa.float32()
    assert pq.read_table(tmp_path / "a.parquet").num_rows == 2


def test_no_table_at_all(tmp_path):
    for name in ("a.csv", "a.jsonl", "a.parquet", "a.csv.gz"):
        assert write(tmp_path / name).exists()


def test_columns_that_change_midway(tmp_path):
    first = pa.table({"n": [1.5]})
    assert pq.read_table(write(tmp_path / "a.parquet", first, pa.table({"n": [2]}))).column(
        "n"
    ).to_pylist() == [1.5, 2.0]
    with pytest.raises(OutputError, match="its rows change columns midway"):
        write(tmp_path / "b.parquet", first, pa.table({"m": [2]}))
    assert not (tmp_path / "b.parquet").exists()


def test_repeated_names_do_not_go_into_json(tmp_path):
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["", ""])
    assert write(tmp_path / "a.csv", table).read_text().count("\n") == 2
    with pytest.raises(OutputError, match="two columns have the same name"):
        write(tmp_path / "a.jsonl", table)
    assert not (tmp_path / "a.jsonl").exists()


class Stdout:
    def __init__(self, buffer):
        self.buffer = buffer


def test_standard_output(monkeypatch):
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", Stdout(buffer))
    write("-", pa.table({"text": ["a b", "c\td"], "label": ["x", "y"]}))
    monkeypatch.undo()
    monkeypatch.setattr(sys, "stdin", Stdout(io.BytesIO(buffer.getvalue())))
    assert readers.read("-").texts.tolist() == ["a b", "c\td"]


def test_closed_standard_output(monkeypatch):
    class Closed(io.RawIOBase):
        def write(self, data):
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(sys, "stdout", Stdout(Closed()))
    with pytest.raises(OutputError, match=r"standard output cannot be written: the reading side was closed$"):
        write("-", pa.table({"text": ["a"]}))


def interrupted(path):
    with TableWriter(path) as out:
        out.write(pa.table({"text": ["a"] * 1000}))
        raise KeyboardInterrupt


@pytest.mark.filterwarnings("error")
def test_interrupted_writer_leaves_nothing(tmp_path):
    for name in ("a.csv", "a.parquet", "a.jsonl.gz"):
        with pytest.raises(KeyboardInterrupt):
            interrupted(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
