"""Bounded sources of raw records: files and standard input.

A source gives :class:`~analyzer.core.ingest.step.RawBatch` after batch until it is at its end.
"""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import numpy as np
import zstandard

from analyzer.core.ingest.step import RawBatch
from analyzer.core.kernels.byte_strings import Texts
from analyzer.errors import UsageError
from analyzer.replay.json_values import is_by_line, values

CHUNK_BYTES = 4 * 1_048_576
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


class Source(Protocol):
    """A bounded sequence of raw records; may block on I/O; read once, from the start."""

    name: str
    """File or topic, as dead letters name it."""
    partition: int
    """Kafka partition, or number of the file."""
    size: int | None
    """Bytes or records to expect, for a progress bar; None if unknown."""

    def batches(self) -> Iterator[tuple[RawBatch, int]]:
        """Batches in the order of the source, each with how much of ``size`` it is."""
        ...


class FileSource:
    """JSON, one value a line or not, plain or compressed; ``-`` is stdin.

    By gzip or zstd, told by its first bytes.

    Parameters
    ----------
    path
        File to read.
    partition
        Number of the source.

    Raises
    ------
    UsageError
        If the file can't be opened.
    """

    def __init__(self, path: str, partition: int) -> None:
        self.name, self.partition = path, partition
        self.size = None if path == "-" else _size(path)

    def batches(self) -> Iterator[tuple[RawBatch, int]]:
        """Lines in batches of about 4 MiB; the offset is the number of the line, from 1."""
        with _open(self.name) as raw:
            stream = _plain(raw)
            number = 1
            read = 0
            while data := stream.read(CHUNK_BYTES):
                rest = b"" if data.endswith(b"\n") else stream.readline()
                if number == 1 and not is_by_line(data + rest):
                    yield from self._by_value(data + rest, stream)
                    return
                lines = Texts.lines(data, rest)
                offsets = np.arange(number, number + len(lines), dtype=np.int64)
                number += len(lines)
                at = raw.tell() if self.size is not None else read
                yield RawBatch(lines, offsets), at - read
                read = at

    def _by_value(self, head: bytes, stream: BinaryIO) -> Iterator[tuple[RawBatch, int]]:
        """JSON that is not one value a line; the offset is the number of the value, from 1."""
        number = 1
        for found, read in values(head, stream, CHUNK_BYTES):
            yield RawBatch(found, np.arange(number, number + len(found))), len(read)
            number += len(found)


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; give a file, - or kafka://…") from error


def _open(path: str) -> BinaryIO:
    if path == "-":
        return sys.stdin.buffer
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def _plain(raw: BinaryIO) -> BinaryIO:
    """The stream without its compression."""
    buffered = (
        raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", raw))
    )
    head = buffered.peek(4)[:4]
    if head.startswith(GZIP):
        return cast("BinaryIO", gzip.GzipFile(fileobj=buffered))
    if head.startswith(ZSTD):
        reader = zstandard.ZstdDecompressor().stream_reader(buffered, read_across_frames=True)
        return io.BufferedReader(reader, CHUNK_BYTES)
    return buffered
