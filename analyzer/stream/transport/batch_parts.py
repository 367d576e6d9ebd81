"""The records of one batch, in parts of bounded size, however much they were compressed.

A megabyte of a batch may be a gigabyte of records. It is decompressed bit by bit, and a value
that is longer than any record may be is cut: whoever reads it sets it aside as too large.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import zstandard
from aiokafka.codec import lz4_decode, snappy_decode
from numpy.typing import NDArray

from analyzer.core.config import LARGEST_RECORD
from analyzer.core.kernels.kafka_records import find_records

PART_BYTES = 4 * 1_048_576
"""A part ends with the record that reaches so many bytes, uncompressed."""
LEAST_RECORD = 7
"""Bytes of a record of which everything is empty."""
_CHUNK_BYTES = 1_048_576
_GZIP = 31
"""Window bits by which zlib expects the header of gzip."""

Part = tuple[bytes, NDArray[np.int64]]
"""Text, and of shape (4, n) the start and stop of each value in it, offset and timestamp, both
less those of the batch."""


def decoders() -> dict[int, Callable[[Any], Iterator[bytes]]]:
    """By number of the compression, what decompresses bit by bit; LZ4 and Snappy in one piece.

    LZ4 can't make more than 255 times of its input, Snappy not more than 21 times.
    """
    zstd = zstandard.ZstdDecompressor()  # used again, which small batches feel
    return {
        0: lambda data: iter([data]),
        1: _gunzipped,
        2: lambda data: iter([snappy_decode(data)]),
        3: lambda data: iter([lz4_decode(data)]),
        4: lambda data: zstd.read_to_iter(data, write_size=_CHUNK_BYTES),
    }


def parts(texts: Iterator[bytes], count: int) -> Iterator[Part]:
    """So many records in parts of about ``PART_BYTES``, at least one part.

    Raises
    ------
    ValueError
        If there are not so many records.
    """
    left, text = count, b""
    while True:
        text = _filled(text, texts, PART_BYTES)
        columns = np.empty((4, min(left, 1 + len(text) // LEAST_RECORD)), np.int64)
        found, end = find_records(np.frombuffer(text, np.uint8), columns, cut=False)
        if not found and left:
            text = _filled(text, texts, LARGEST_RECORD + PART_BYTES)
            is_cut = len(text) > LARGEST_RECORD
            found, end = find_records(np.frombuffer(text, np.uint8), columns, cut=is_cut)
        if found < 0 or (left and not found):
            raise ValueError("records run beyond their batch")
        yield text, columns[:, :found]
        left -= found
        if not left:
            return
        text = _after(text, texts, end)


def _filled(text: bytes, texts: Iterator[bytes], least: int) -> bytes:
    """The text with more behind it, until it has so many bytes or there is no more."""
    pieces, size = [text], len(text)
    while size < least and (more := next(texts, None)) is not None:
        pieces.append(more)
        size += len(more)
    filled = [piece for piece in pieces if len(piece)]
    return filled[0] if len(filled) == 1 else b"".join(filled)


def _after(text: bytes, texts: Iterator[bytes], end: int) -> bytes:
    """What follows the first ``end`` bytes, of which not all need be in the text."""
    while end > len(text):
        end -= len(text)
        text = next(texts, b"")
        if not text:
            raise ValueError("records run beyond their batch")
    return text[end:]


def _gunzipped(data: memoryview) -> Iterator[bytes]:
    opener, rest = zlib.decompressobj(wbits=_GZIP), bytes(data)
    while rest and not opener.eof:
        try:
            text = opener.decompress(rest, _CHUNK_BYTES)
        except zlib.error as error:
            raise ValueError(f"gzip: {error}") from error
        rest = opener.unconsumed_tail
        if not text and not rest:
            return
        yield text
