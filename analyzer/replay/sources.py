"""Bounded sources of raw records: files and standard input.

A source gives :class:`~analyzer.core.ingest.step.RawBatch` after batch until it is at its end.
"""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np

from analyzer.core.ingest.step import RawBatch
from analyzer.core.kernels.byte_strings import Texts
from analyzer.errors import AnalyzerError, UsageError
from analyzer.replay.compressed import DAMAGED, plain_stream

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

    def batches(self) -> Iterator[tuple[RawBatch, int]]:
        """Batches in the order of the source, each with how much of ``size`` it is."""
        ...


class FileSource:
    """NDJSON, plain or compressed by gzip or zstd (told by its first bytes); ``-`` is stdin.

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
            number, read = 1, 0
            for data, rest in self._chunks(raw):
                lines = Texts.lines(data, rest)
                offsets = np.arange(number, number + len(lines), dtype=np.int64)
                number += len(lines)
                at = raw.tell() if self.size is not None else read
                yield RawBatch(lines, offsets), at - read
                read = at

    def _chunks(self, raw: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
        """About 4 MiB and what its last line needs to be whole."""
        try:
            stream = plain_stream(raw, self.name)
            while data := stream.read(CHUNK_BYTES):
                yield data, b"" if data.endswith(b"\n") else self._rest_of_line(stream)
        except DAMAGED as error:
            reason = str(error) or "cut short"
            raise AnalyzerError(
                f"{self.name}: damaged or cut short ({reason}); nothing was written: fetch it again"
            ) from error
        except OSError as error:
            raise AnalyzerError(f"{self.name}: {error.strerror or error}") from error

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
        return sys.stdin.buffer
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
