"""Bounded sources of raw records: files and standard input.

A source gives :class:`~analyzer.core.ingest.step.RawBatch` after batch until it is at its end.
"""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np

from analyzer.core.ingest.step import RawBatch
from analyzer.core.kernels.byte_strings import Texts
from analyzer.errors import AnalyzerError, UsageError
from analyzer.replay.compressed import DAMAGED, plain_stream
from analyzer.replay.json_values import is_by_line, values

CHUNK_BYTES = 4 * 1_048_576
LONGEST_LINE = 2 * 1_048_576


class Source(Protocol):
    """A bounded sequence of raw records; may block on I/O; read once, from the start."""

    name: str
    """File or topic, as dead letters name it."""
    partition: int
    """Kafka partition, or number of the file."""
    size: int | None
    """Bytes or records to expect, for a progress bar; None if unknown."""
    note: str
    """What is not in it although it was asked for; empty if nothing is known to be missing."""

    def batches(self) -> Iterator[tuple[RawBatch, int]]:
        """Batches in the order of the source, each with how much of ``size`` it is."""
        ...


Batches = dict[int, Iterator[tuple[RawBatch, int]]]
"""Number of a source → its batches that are still to come."""


def in_turn(
    batches: Batches, watermark_ms: Callable[[int], int]
) -> Iterator[tuple[int, tuple[RawBatch, int] | None]]:
    """Batches of all sources, each time of the one whose time is furthest behind.

    None ends a source, which is taken out.
    """
    while batches:
        number = min(batches, key=lambda n: (watermark_ms(n), n))
        batch = next(batches[number], None)
        if batch is None:
            del batches[number]
        yield number, batch


class FileSource:
    """JSON, one value a line or not, plain or compressed; ``-`` is stdin.

    By gzip or zstd, told by its first bytes.

    Parameters
    ----------
    path
        File to read, or a pipe with a name.
    partition
        Number of the source.
    longest
        Bytes of a line; of a longer one only the beginning is read.

    Raises
    ------
    UsageError
        If there is no such file.
    """

    note = ""

    def __init__(self, path: str, partition: int, longest: int = LONGEST_LINE) -> None:
        self.name, self.partition = path, partition
        self._longest = longest
        self.size = None if path == "-" else _size(path)

    def batches(self) -> Iterator[tuple[RawBatch, int]]:
        """Lines in batches of about 4 MiB; the offset is the number of the line, from 1.

        Raises
        ------
        AnalyzerError
            If the file is damaged, cut short or no file of events; the message names it.
        """
        with _open(self.name) as raw:
            try:
                yield from self._of(raw, plain_stream(raw, self.name))
            except DAMAGED as error:
                reason = str(error) or "cut short"
                raise AnalyzerError(
                    f"{self.name}: damaged or cut short, or packed in a way that is not read "
                    f"({reason}); nothing was written: fetch it again, or unpack it first"
                ) from error
            except OSError as error:
                raise AnalyzerError(f"{self.name}: {error.strerror or error}") from error

    def _of(self, raw: BinaryIO, stream: BinaryIO) -> Iterator[tuple[RawBatch, int]]:
        number, read = 1, 0
        while data := stream.read(CHUNK_BYTES):
            rest = b"" if data.endswith(b"\n") else self._rest_of_line(stream)
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

    def _rest_of_line(self, stream: BinaryIO) -> bytes:
        rest = stream.readline(self._longest + 1)
        if len(rest) > self._longest and not rest.endswith(b"\n"):
            while (more := stream.readline(CHUNK_BYTES)) and not more.endswith(b"\n"):
                pass
            rest += b"\n" if more else b""
        return rest


def _size(path: str) -> int | None:
    try:
        found = Path(path).stat()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; give a file, - or kafka://…") from error
    except ValueError as error:
        raise UsageError(f"{path!r}: {error}; give a file, - or kafka://…") from error
    if stat.S_ISDIR(found.st_mode):
        raise UsageError(f"{path}: a folder; give the files in it, - or kafka://…")
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _open(path: str) -> BinaryIO:
    if path == "-":
        if sys.stdin is None:
            raise UsageError("-: standard input is closed; give a file")
        return sys.stdin.buffer
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
