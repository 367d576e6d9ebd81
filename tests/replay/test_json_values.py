"""Files of JSON that is not one value a line are taken apart by value, however they are read."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.replay.json_values import is_by_line, values
from analyzer.replay.sources import FileSource

objects = st.dictionaries(
    st.text(max_size=6),
    st.text(max_size=12) | st.integers() | st.lists(st.text('[]{}",\\', max_size=6), max_size=3),
    min_size=1,
    max_size=3,
)


def shapes(listed: list[object]) -> list[bytes]:
    """The same values as loggers and clouds write them."""
    plain = [msgspec.json.encode(each) for each in listed]
    pretty = [msgspec.json.format(each, indent=2) for each in plain]
    return [
        b"".join(plain),
        b"\n".join(pretty),
        b"[\n" + b",\n".join(plain) + b"\n]\n",
        msgspec.json.format(b"[" + b",".join(plain) + b"]", indent=1),
    ]


@settings(max_examples=60, deadline=None)
@given(listed=st.lists(objects, min_size=1, max_size=4), chunk=st.integers(1, 40))
def test_values_are_found(listed: list[object], chunk: int) -> None:
    """Whatever is in their texts, and wherever a piece of the file ends."""
    for text in shapes(listed):
        stream = io.BytesIO(text)
        found = [
            msgspec.json.decode(value)
            for batch, _ in values(stream.read(chunk), stream, chunk)
            for value in batch
        ]
        assert found == listed


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_file_of_values(tmp_path: Path, mark: bytes) -> None:
    """Numbered from 1, like lines; lines stay lines, even if the first is broken."""
    path = tmp_path / "payload.json"
    path.write_bytes(mark + b'{\n "a": 1\n}\n{\n "a": 2\n}\n{"a": ')
    [(batch, _)] = FileSource(str(path), 0).batches()
    assert list(batch.offsets) == [1, 2, 3]
    assert [value[-1:] for value in batch.values] == [b"}", b"}", b":"]
    assert is_by_line(b'{"a":\n{"a": 2}\n')
    assert is_by_line(b'{"a": 1}\n{"a"')
