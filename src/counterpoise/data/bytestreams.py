"""Bytes on their way in: files and standard input, decompressed and made UTF-8.

``ByteSource.of_path("x.csv.gz")`` gives plain bytes with a look ahead; ``Utf8Stream(source)`` over it gives
valid UTF-8 whatever the encoding was (UTF-8 with or without BOM, UTF-16 with BOM, or the one that is named),
or an error that names the first byte that does not fit.
"""

from __future__ import annotations

import codecs
import io
import sys
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from counterpoise.errors import DataError, SettingsError

_HEAD_BYTES = 1 << 16
_START_BYTES = 1 << 10
_READ_BYTES = 1 << 20
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_NAMES = {"utf8": "utf-8", "utf-8-sig": "utf-8"}


class UndecodableError(DataError):
    """A byte does not fit the encoding; ``offset`` is its place among the (decompressed) bytes, from 0."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class ByteSource:
    """Decompressed bytes of one input, read once from front to end, with a look ahead.

    Parameters
    ----------
    raw : file object
        Binary; gzip and zstandard are recognised by their first bytes.
    name : str
        What messages call it.
    """

    def __init__(self, raw: BinaryIO, name: str) -> None:
        self.name = name
        self._raw: Any = raw
        self._ahead = b""
        self.compression: str | None = None
        magic = self.head(4)
        if magic.startswith(_GZIP):
            self.compression = "gzip"
        elif magic.startswith(_ZSTD):
            self.compression = "zstd"
        if self.compression is not None:
            self._raw = pa.CompressedInputStream(
                pa.PythonFile(_Chained(self._ahead, raw), "r"), self.compression
            )
            self._ahead = b""

    @classmethod
    def of_path(cls, path: Path) -> ByteSource:
        """Open a file.

        Raises
        ------
        DataError
            When the file cannot be opened, or is named as compressed and is not.
        """
        try:
            source = cls(path.open("rb"), str(path))
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
        suffix = path.suffix.lower()
        if suffix in (".gz", ".zst") and source.compression is None and source.head(1):
            raise DataError(f"{path} is named {suffix} but is not compressed; rename it or compress it")
        return source

    @classmethod
    def of_standard_input(cls) -> ByteSource:
        """Read standard input."""
        return cls(sys.stdin.buffer, "standard input")

    def head(self, size: int = _HEAD_BYTES) -> bytes:
        """The next ``size`` bytes (fewer at the end) without taking them."""
        while len(self._ahead) < size:
            more = self._read_raw(size - len(self._ahead))
            if not more:
                break
            self._ahead += more
        return self._ahead[:size]

    def read(self, size: int) -> bytes:
        """The next bytes, at most ``size``; none at the end."""
        if self._ahead:
            taken, self._ahead = self._ahead[:size], self._ahead[size:]
            return taken
        return self._read_raw(size)

    def read_all(self) -> bytes:
        """Everything that is left."""
        return b"".join(iter(lambda: self.read(_READ_BYTES), b""))

    def _read_raw(self, size: int) -> bytes:
        try:
            return self._raw.read(size)
        except OSError as error:
            if self.compression is None:
                raise DataError(f"{self.name} cannot be read: {error.strerror or error}") from error
            raise DataError(
                f"{self.name} is a damaged or cut-off {self.compression} file ({error}); fetch or "
                "make it again"
            ) from error


class _Chained:
    """A file object that gives ``first`` and then what ``rest`` has."""

    closed = False

    def __init__(self, first: bytes, rest: BinaryIO) -> None:
        self._first, self._rest = first, rest

    def read(self, size: int = -1) -> bytes:
        if self._first:
            taken, self._first = self._first[:size], self._first[size:]
            return taken
        return self._rest.read(size)

    def close(self) -> None:
        self.closed = True


class Utf8Stream(io.RawIOBase):
    """Valid UTF-8 made of a source in any encoding, as a file object for Arrow and for line reading.

    Parameters
    ----------
    source : ByteSource
        Where the bytes come from.
    encoding : str or None
        Python's name of the encoding. None takes a byte order mark's word and otherwise UTF-8.
    stop_at : int or None
        Read that many source bytes only and put U+FFFD for what does not decode; for finding out later in
        which row a bad byte stands.

    Attributes
    ----------
    start : str
        The first characters, white space left out, for telling formats apart; never an error.
    trailer : bytes
        Comes after the end of the source, once and on a line of its own; empty unless set.

    Raises
    ------
    SettingsError
        When Python does not know the encoding.
    UndecodableError
        While reading, at the first byte that does not fit the encoding.
    """

    def __init__(self, source: ByteSource, encoding: str | None = None, stop_at: int | None = None) -> None:
        super().__init__()
        self.name = source.name
        self.trailer = b""
        self._source, self._left = source, stop_at
        self.encoding, self._taken = _encoding_of(source, encoding)
        decoder = codecs.getincrementaldecoder(self.encoding)
        self.start = decoder("replace").decode(source.head(_START_BYTES)).lstrip()
        self._decoder = decoder("strict" if stop_at is None else "replace")
        self._same = stop_at is None and self.encoding == "utf-8"
        self._lines, self._last = 1, b""
        self._ready = b""
        self._ended = False

    def readable(self) -> bool:
        """Say yes, for :mod:`io`."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as there is something, for :mod:`io`."""
        self._fill(len(buffer))
        if self._ended and self.trailer:
            line_end = b"" if self._last in (b"\n", b"\r") else b"\n"
            self._ready, self.trailer = self._ready + line_end + self.trailer, b""
        taken, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)

    def head(self, size: int = _HEAD_BYTES) -> bytes:
        """The next ``size`` UTF-8 bytes (fewer at the end) without taking them."""
        self._fill(size)
        return self._ready[:size]

    def _fill(self, size: int) -> None:
        parts, have = [self._ready], len(self._ready)
        while have < size and not self._ended:
            parts.append(self._next())
            have += len(parts[-1])
        self._ready = b"".join(parts)

    def _next(self) -> bytes:
        raw = self._source.read(_READ_BYTES if self._left is None else min(_READ_BYTES, self._left))
        if self._left is not None:
            self._left -= len(raw)
        waiting = len(self._decoder.getstate()[0])
        try:
            text = self._decoder.decode(raw, final=not raw)
        except UnicodeDecodeError as error:
            raise self._undecodable(error, self._taken - waiting + error.start) from None
        self._taken += len(raw)
        out = raw if self._same else text.encode("utf-8", "replace")
        self._lines += out.count(b"\n")
        self._last = out[-1:] or self._last
        if not raw:
            self._ended = True
        return out

    def _undecodable(self, error: UnicodeDecodeError, offset: int) -> UndecodableError:
        line = self._lines + bytes(error.object[: error.start]).count(b"\n")
        byte = error.object[error.start]
        return UndecodableError(
            f"{self.name} is not {self.encoding.upper()}: byte 0x{byte:02X} at offset {offset} (line {line}) "
            "does not fit; name its encoding, such as --encoding latin-1, cp1252 or gb18030",
            offset,
        )


def _encoding_of(source: ByteSource, encoding: str | None) -> tuple[str, int]:
    """Settle the encoding; take a UTF-8 byte order mark off the source and say how many bytes that were."""
    head = source.head()
    marked = next(((bom, name) for bom, name in _BOMS if head.startswith(bom)), None)
    # In UTF-16 every other byte of a header is NUL; a stray NUL further on is just an odd character.
    if encoding is None and marked is None and b"\0" in head[:4]:
        raise DataError(
            f"{source.name} begins with NUL bytes and so is no UTF-8; if it is UTF-16 without a byte order "
            "mark, give --encoding utf-16-le or utf-16-be"
        )
    if encoding is None:
        chosen = marked[1] if marked else "utf-8"
    else:
        try:
            b"a".decode(
                encoding, "replace"
            )  # codecs.lookup also knows those that are not of text, such as base64
        except (
            LookupError,
            UnicodeError,
        ) as error:  # the latter from those that never decode, as "undefined"
            raise SettingsError(
                f"encoding {encoding!r} is not a known one of text; try utf-8, latin-1, cp1252 or utf-16"
            ) from error
        chosen = codecs.lookup(encoding).name
    chosen = _NAMES.get(chosen, chosen)
    if chosen == "utf-8" and head.startswith(codecs.BOM_UTF8):
        return chosen, len(source.read(len(codecs.BOM_UTF8)))
    return chosen, 0
