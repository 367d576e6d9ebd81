"""Compressed files as streams of plain bytes, which end loudly where the file is cut short.

However much a few bytes of a file may unfold to, no more than some tens of megabytes are held.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from codecs import BOM_UTF8
from typing import BinaryIO, cast

import zstandard

from analyzer.errors import AnalyzerError

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
SKIPPABLE = tuple(bytes([low]) + b"\x2a\x4d\x18" for low in range(0x50, 0x60))
"""First bytes of frames that hold no data, as pzstd and seekable zstd write them."""
BUFFER_BYTES = 1 << 20
PIECE_BYTES = 512
"""Compressed bytes given to the decoder at once: a block of 4 bytes may unfold to 128 KiB."""
FOREIGN = {
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"Rar!": "RAR",
    b"\x04\x22\x4d\x18": "LZ4",
    b"\xff\x06\x00\x00sNaPpY": "Snappy",
    b"PAR1": "Parquet",
    b"Obj\x01": "Avro",
    b"ORC": "ORC",
    b"SQLite format 3": "SQLite",
}
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError)
"""What the decoders raise of a file that is cut short or damaged."""


class ZstdStream(io.RawIOBase):
    """Frames of zstd one after another, skippable ones too.

    Raises
    ------
    EOFError
        Where the file ends within a frame.
    """

    def __init__(self, raw: BinaryIO) -> None:
        super().__init__()
        self._raw = raw
        self._frame = self._next_frame()
        self._given = False
        """Whether the present frame has had any of its bytes."""
        self._waiting = b""
        self._plain = memoryview(b"")

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: object) -> int:
        """Some plain bytes; 0 at the end of the last frame."""
        room = memoryview(buffer).cast("B")  # type: ignore[arg-type] # any buffer will do
        while not self._plain:
            if not self._waiting:
                self._waiting = self._raw.read(PIECE_BYTES)
            if not self._waiting:
                if self._given:
                    raise EOFError("it ends within a frame")
                return 0
            self._plain = memoryview(self._decoded())
        count = min(len(room), len(self._plain))
        room[:count], self._plain = self._plain[:count], self._plain[count:]
        return count

    def _decoded(self) -> bytes:
        plain = self._frame.decompress(self._waiting)
        self._given, self._waiting = True, b""
        if self._frame.eof:
            self._waiting, self._given = self._frame.unused_data, False
            self._frame = self._next_frame()
        return plain

    @staticmethod
    def _next_frame() -> zstandard.ZstdDecompressionObj:
        return zstandard.ZstdDecompressor().decompressobj()


def plain_stream(raw: BinaryIO, name: str) -> BinaryIO:
    """The stream without its compression, told by its first bytes.

    Raises
    ------
    AnalyzerError
        If it is of a kind that is not read.
    """
    stream, head = _peek(raw)
    if head.startswith(GZIP):
        stream, head = _peek(cast("BinaryIO", gzip.GzipFile(fileobj=stream)))
    elif head.startswith((ZSTD, *SKIPPABLE)):
        stream, head = _peek(cast("BinaryIO", ZstdStream(stream)))
    if reason := _foreign(head):
        raise AnalyzerError(f"{name}: {reason}")
    if head.startswith(BOM_UTF8):
        stream.read(len(BOM_UTF8))
    return io.BufferedReader(_WithoutFilling(stream), BUFFER_BYTES)


class _WithoutFilling(io.RawIOBase):
    """A stream without what is filled in before its lines.

    NULs, where a log was cut while its writer went on at the old place; and the separators of JSON
    text sequences (RFC 7464). Within a line they are the line's own.
    """

    _FILLING = re.compile(rb"(\A|\n)[\x00\x1e]+")

    def __init__(self, stream: io.BufferedReader) -> None:
        super().__init__()
        self._stream = stream
        self._begins = True
        """Whether a line begins here."""

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: object) -> int:
        """Some bytes; 0 at the end."""
        room = memoryview(buffer).cast("B")  # type: ignore[arg-type] # any buffer will do
        while data := self._stream.read1(len(room)):
            if b"\0" in data or b"\x1e" in data:
                whole = data if self._begins else b"x" + data
                data = self._FILLING.sub(rb"\1", whole)[not self._begins :]
            if data:
                self._begins = data.endswith(b"\n")
                room[: len(data)] = data
                return len(data)
        return 0


def _peek(raw: BinaryIO) -> tuple[io.BufferedReader, bytes]:
    """The stream, buffered, and its first bytes."""
    if not isinstance(raw, io.BufferedReader):
        raw = io.BufferedReader(cast("io.RawIOBase", raw), BUFFER_BYTES)
    return cast("io.BufferedReader", raw), raw.peek(512)[:512]


def _foreign(head: bytes) -> str:
    """Why this is no file of events, one a line; "" if it may be one."""
    for magic, kind in FOREIGN.items():
        if head.startswith(magic):
            return f"a {kind} file; unpack it first (.gz and .zst are read as they are)"
    if head.startswith((GZIP, ZSTD)):
        return "compressed twice; unpack it once first"
    if head[257:262] == b"ustar":
        return "a tar archive; unpack it first"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or 1 < head[:4].count(0) < 4:
        width = 32 if b"\0\0" in head[:4] else 16
        return f"UTF-{width} text; write it as UTF-8 (iconv -f UTF-{width} -t UTF-8)"
    return ""
