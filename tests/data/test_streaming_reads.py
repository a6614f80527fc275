"""Streams hand over every column unchanged, in order, and never hold more than a few pieces."""

import io
import json
import sys
import weakref

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from counterpoise.data import delimited, readers
from counterpoise.data.bytestreams import ByteSource, Utf8Stream
from counterpoise.errors import DataError

N = 2500


@pytest.fixture(params=["csv", "jsonl", "parquet"])
def path(request, tmp_path):
    table = pa.table({"id": [f"{i:05}" for i in range(N)], "text": [f"text {i}" for i in range(N)]})
    path = tmp_path / f"a.{request.param}"
    if request.param == "parquet":
        pq.write_table(table, path, row_group_size=700)
    elif request.param == "csv":
        path.write_text("id,text\n" + "".join(f"{i:05},text {i}\n" for i in range(N)))
    else:
        path.write_text("".join(json.dumps({"id": f"{i:05}", "text": f"text {i}"}) + "\n" for i in range(N)))
    return path


def test_chunks_are_full_and_in_order(path):
    chunks = list(readers.stream(path, rows_per_chunk=1000))
    assert [len(chunk.texts) for chunk in chunks] == [1000, 1000, 500]
    assert [chunk.first_row for chunk in chunks] == [0, 1000, 2000]
    assert [text for chunk in chunks for text in chunk.texts] == [f"text {i}" for i in range(N)]
    whole = pa.concat_tables([chunk.table for chunk in chunks])
    assert whole.column("id").to_pylist() == [f"{i:05}" for i in range(N)]
    assert whole.column_names == ["id", "text"]


def test_earlier_chunks_are_let_go(path):
    alive = []
    for chunk in readers.stream(path, rows_per_chunk=100):
        alive.append(weakref.ref(chunk.table))
        del chunk
        assert sum(table() is not None for table in alive) <= 2


def test_csv_reads_no_further_than_a_few_blocks():
    class Endless(io.RawIOBase):
        taken = 0

        def read(self, size=-1):
            out = b"id,text\n" if self.taken == 0 else b"1,some text\n" * max(1, size // 12)
            self.taken += len(out)
            return out

    endless = Endless()
    rows = delimited.delimited_rows(Utf8Stream(ByteSource(endless, "endless")), block_bytes=1 << 16)
    for piece, _ in zip(rows, range(20), strict=False):
        assert piece.table.nbytes < 3 << 16
    # Twenty blocks were handed over; what was read ahead of them is a constant.
    assert endless.taken < 20 * (1 << 16) + (5 << 20)


def test_values_of_csv_stay_as_they_stood(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,n,empty,text,t\n00123,1e5,,"say ""hi""",true\nNA,null,NaN,x y,2026-01-01\n')
    (chunk,) = readers.stream(path)
    assert chunk.table.to_pylist() == [
        {"id": "00123", "n": "1e5", "empty": "", "text": 'say "hi"', "t": "true"},
        {"id": "NA", "n": "null", "empty": "NaN", "text": "x y", "t": "2026-01-01"},
    ]


def test_json_values_keep_their_kinds_over_all_pieces(tmp_path):
    rows = [{"text": f"t {i}", "n": i, "mixed": i if i % 2 else "s", "list": [i]} for i in range(30)]
    rows[25]["late"] = {"a": None}
    rows[29]["n"] = 0.5
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    chunks = list(readers.stream(path, rows_per_chunk=10))
    assert len({chunk.table.schema for chunk in chunks}) == 1
    whole = pa.concat_tables([chunk.table for chunk in chunks])
    assert whole.schema.field("n").type == pa.float64()
    assert [json.loads(value) for value in whole.column("mixed").to_pylist()] == [
        row["mixed"] for row in rows
    ]
    assert json.loads(whole.column("late").to_pylist()[25]) == {"a": None}


@pytest.mark.parametrize("bad", [{"text": "b", "new": 1}, {"text": "b", "n": "s"}])
def test_json_on_standard_input_settles_its_columns_by_the_first_rows(monkeypatch, bad):
    rows = [{"text": "a", "n": 1}] * 10 + [bad]
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    with pytest.raises(DataError, match=r"standard input: line 11 has a .*save the input to a file"):
        list(readers.stream("-", rows_per_chunk=10))


def test_errors_name_the_row_of_the_whole_source(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "ab,x\n" * 25 + ",y\n")
    with pytest.raises(DataError, match="data row 26 "):
        list(readers.stream(path, rows_per_chunk=10))


def test_numbers_are_refused_by_the_first_chunk_only(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text\n" + "ab\n" * 10 + "12\n" * 10)
    assert len(list(readers.stream(path, rows_per_chunk=10))) == 2
    path.write_text("text\n" + "12\n" * 10 + "ab\n" * 10)
    with pytest.raises(DataError, match="is a number"):
        list(readers.stream(path, rows_per_chunk=10))


def test_an_unclosed_quote_longer_than_a_block(tmp_path):
    content = b'text,label\nab,x\n"' + b"cd,y\n" * 2000
    stream = Utf8Stream(ByteSource(io.BytesIO(content), "a.csv"))
    with pytest.raises(DataError, match="a row is longer than 1 MiB, most likely because a double quote"):
        list(delimited.delimited_rows(stream, block_bytes=1 << 10))


def test_long_values_over_block_borders():
    texts = [f"{'x' * (i * 37 % 400)} line\n{i}, end" for i in range(300)]
    content = "text,n\n" + "".join(f'"{text}",{i}\n' for i, text in enumerate(texts))
    stream = Utf8Stream(ByteSource(io.BytesIO(content.encode()), "a.csv"))
    pieces = list(delimited.delimited_rows(stream, block_bytes=1 << 10))
    assert len(pieces) > 10
    assert [text for piece in pieces for text in piece.table.column("text").to_pylist()] == texts
