"""JSON that is not one value a line: pretty-printed, one after another, or one big array.

Loggers that write an object a file (to S3 or GCS), and the delivery streams of clouds, know no
lines. A file is taken apart by value only if its first lines show that it must be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

import msgspec

from analyzer.core.contracts.decode import UNREADABLE
from analyzer.core.kernels.byte_strings import Texts

LARGEST = 64 * 1_048_576
"""A value that has not ended after so many bytes is given up: it is one bad record."""
BOM = b"\xef\xbb\xbf"
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[{}\[\]"]', re.DOTALL)
_BETWEEN = b" \t\r\n,\0\x1e"


class Stream(Protocol):
    """Bytes to be read."""

    def read(self, size: int, /) -> bytes:
        """At most so many; none at the end."""
        ...


def is_by_line(head: bytes) -> bool:
    r"""Whether a file that begins so has one record a line.

    A first line that breaks off is a broken record if the second is a whole one, or cannot follow.

    Examples
    --------
    >>> is_by_line(b'{"a": 1}\n{"b"'), is_by_line(b'{"a":\n{"b": 1}\n')
    (True, True)
    >>> is_by_line(b'{\n  "a": 1\n}'), is_by_line(b'{"a": 1}{"b": 2}'), is_by_line(b'[\n{}\n]')
    (False, False, False)
    >>> is_by_line(b'{\n{"a": 1}\n')
    True
    """
    lines = [line.strip() for line in head.removeprefix(BOM).split(b"\n", 4)[:4] if line.strip()]
    if not lines or lines[0][:1] not in {b"{", b"["}:
        return True
    if lines[0] == b"{":  # an object goes on with a name, or it is broken
        return len(lines) > 1 and lines[1][:1] not in {b'"', b"}"}
    if lines[0][:1] == b"[":  # an array a line, or one that is the whole file
        return len(lines) > 1 and _is_whole(lines[0])
    return _is_whole(lines[0]) or (len(lines) > 1 and _is_whole(lines[1]))


def _is_whole(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
    except UNREADABLE:
        return False
    return True


def values(head: bytes, stream: Stream, chunk: int) -> Iterator[tuple[Texts, bytes]]:
    """The values in a stream, batch by batch, each with the bytes that were read for it.

    A file that is an array gives its elements. Anything between two values that is no white
    space is a record too, for ingest to refuse.
    """
    text = head.removeprefix(BOM).lstrip()
    base = 1 if text.startswith(b"[") else 0
    data, rest = text[base:], head
    while True:
        found, data = _split(data)
        more = stream.read(chunk)
        if not more or len(data) > LARGEST:
            tail = data.strip(_BETWEEN)
            if tail and not (base and tail == b"]"):
                found.append(tail)
            data = b""
        if found:
            yield Texts.of(found), rest
            rest = b""
        if not more:
            return
        data, rest = data + more, rest + more


def _split(data: bytes) -> tuple[list[bytes], bytes]:
    """The whole values at the beginning, and what follows them."""
    found: list[bytes] = []
    depth, begin, done = 0, 0, 0
    for token in _TOKEN.finditer(data):
        mark = token.group()
        if mark == b'"':
            break  # a string that ends in what is still to come
        if mark in {b"{", b"["}:
            if depth == 0:
                begin = token.start()
                if between := data[done:begin].strip(_BETWEEN):
                    found.append(between)
            depth += 1
        elif mark in {b"}", b"]"} and depth:
            depth -= 1
            if depth == 0:
                done = token.end()
                found.append(data[begin:done])
    return found, data[done:]
