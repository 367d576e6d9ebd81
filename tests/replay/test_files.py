"""Files as people have them: read whole, or refused by name; never half, never in silence."""

from __future__ import annotations

import gzip
import io
import os
import threading
import tracemalloc
from codecs import BOM_UTF8
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.errors import AnalyzerError, UsageError
from analyzer.replay.compressed import plain_stream
from analyzer.replay.sources import FileSource

LINES = [b'{"number":%d,"text":"%s"}' % (i, os.urandom(9).hex().encode()) for i in range(400)]
PLAIN = b"\n".join(LINES) + b"\n"
SKIPPABLE = b"\x50\x2a\x4d\x18\x04\x00\x00\x00data"


def zst(data: bytes) -> bytes:
    """One frame."""
    return zstandard.ZstdCompressor().compress(data)


def streamed(data: bytes) -> bytes:
    """One frame that does not tell its size, flushed in the middle."""
    one = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    head, tail = data[: len(data) // 2], data[len(data) // 2 :]
    flushed = one.compress(head) + one.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    return flushed + one.compress(tail) + one.flush()


DICTIONARY = zstandard.ZstdCompressionDict(PLAIN[:9_999], dict_type=zstandard.DICT_TYPE_RAWCONTENT)
WHOLE = {
    "plain": PLAIN,
    "no end of line": PLAIN[:-1],
    "a byte order mark": BOM_UTF8 + PLAIN,
    "an array, a byte order mark": BOM_UTF8 + b"[" + b",".join(LINES) + b"]",
    "gz": gzip.compress(PLAIN),
    "gz, a byte order mark": gzip.compress(BOM_UTF8 + PLAIN),
    "gz of two members": gzip.compress(PLAIN[:5_000]) + gzip.compress(PLAIN[5_000:]),
    "gz with zeros behind": gzip.compress(PLAIN) + bytes(512),
    "zst": zst(PLAIN),
    "zst of two frames": zst(PLAIN[:5_000]) + zst(PLAIN[5_000:]),
    "zst, skippable first": SKIPPABLE + zst(PLAIN),
    "zst, skippable everywhere": SKIPPABLE
    + zst(PLAIN[:99])
    + SKIPPABLE
    + zst(PLAIN[99:])
    + SKIPPABLE,
    "zst, an empty frame": zst(b"") + zst(PLAIN),
    "zst, streamed": streamed(PLAIN),
    "NULs before it": bytes(9_999) + PLAIN,
    "NULs in it and behind it": PLAIN[: PLAIN.index(b"\n", 5_000) + 1]
    + bytes(2 * 1_048_576)
    + PLAIN[PLAIN.index(b"\n", 5_000) + 1 :]
    + bytes(9),
    "NULs before it, gz": gzip.compress(bytes(5 * 1_048_576) + PLAIN),
    "a JSON text sequence": b"".join(b"\x1e" + line + b"\n" for line in LINES),
    "an array": b"[\n" + b",\n".join(LINES) + b"\n]\n",
    "an array, zst": zst(b"[" + b",".join(LINES) + b"]"),
}


def lines_of(path: Path) -> list[bytes]:
    """Every line that a source gives."""
    return [line for batch, _ in FileSource(str(path), 0).batches() for line in batch.values]


@pytest.mark.parametrize("kind", WHOLE)
def test_whole_files_are_read_whole(kind: str, tmp_path: Path) -> None:
    """Every way to write the same lines gives the same lines."""
    path = tmp_path / "events"
    path.write_bytes(WHOLE[kind])
    assert lines_of(path) == LINES


@settings(max_examples=150)
@given(
    st.sampled_from([name for name in WHOLE if "z" in name and "array" not in name]),
    st.floats(0.01, 0.999),
)
def test_half_an_archive_is_refused_by_name(
    tmp_path_factory: pytest.TempPathFactory, kind: str, at: float
) -> None:
    """Cut anywhere, it is refused, or it ends where a member or frame of it does."""
    path = tmp_path_factory.mktemp("half") / "events.half"
    cut = int(at * len(WHOLE[kind]))
    path.write_bytes(WHOLE[kind][: max(4, cut)])
    try:
        found = lines_of(path)
    except AnalyzerError as error:
        assert "events.half" in str(error)  # noqa: PT017 - either outcome is right
        return
    # what was read is exactly what the whole members hold
    assert b"\n".join(found) in {PLAIN[:5_000], PLAIN[:99], PLAIN[:-1], b""}


@settings(max_examples=150)
@given(
    st.sampled_from(["gz", "zst", "zst, streamed"]), st.integers(0, 10**6), st.binary(min_size=1)
)
def test_a_damaged_archive_is_no_traceback(
    tmp_path_factory: pytest.TempPathFactory, kind: str, at: int, junk: bytes
) -> None:
    """Bytes changed in the middle: lines, or a sentence with the file's name."""
    path = tmp_path_factory.mktemp("odd") / "events.odd"
    data = bytearray(WHOLE[kind])
    data[at % len(data) : at % len(data) + len(junk)] = junk
    path.write_bytes(data)
    try:
        lines_of(path)
    except AnalyzerError as error:
        assert "events.odd" in str(error)  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"BZh91AY", "bzip2"),
        (b"\xfd7zXZ\x00\x00", "xz"),
        (b"PK\x03\x04rest", "zip"),
        (b"PAR1rest", "Parquet"),
        (gzip.compress(gzip.compress(PLAIN)), "compressed twice"),
        (gzip.compress(b"name".ljust(257, b"\0") + b"ustar\0" + bytes(300)), "tar"),
        (PLAIN.decode().encode("utf-16"), "UTF-16"),
        (PLAIN.decode().encode("utf-16-le"), "UTF-16"),
        (PLAIN.decode().encode("utf-16-be"), "UTF-16"),
        (PLAIN.decode().encode("utf-32"), "UTF-32"),
        (PLAIN.decode().encode("utf-32-be"), "UTF-32"),
        (zstandard.ZstdCompressor(dict_data=DICTIONARY).compress(PLAIN), "unpack it first"),
    ],
    ids=[
        "bzip2",
        "xz",
        "zip",
        "parquet",
        "twice",
        "tar",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "utf-32",
        "utf-32-be",
        "dictionary",
    ],
)
def test_other_kinds_are_called_by_their_names(data: bytes, said: str, tmp_path: Path) -> None:
    """What is no file of lines is refused with what to do."""
    path = tmp_path / "events.what"
    path.write_bytes(data)
    with pytest.raises(AnalyzerError, match=rf"events\.what: .*{said}"):
        lines_of(path)


def test_a_folder_and_nothing_are_wrong_usage(tmp_path: Path) -> None:
    """Said before anything is read."""
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UsageError, match=str(path)):
            FileSource(str(path), 0)


def test_a_pipe_with_a_name_is_read_like_a_file(tmp_path: Path) -> None:
    """It can't be measured, and needs not be."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(WHOLE["zst"],))
    writer.start()
    assert lines_of(path) == LINES
    writer.join()


def test_endless_lines_and_bombs_take_no_memory(tmp_path: Path) -> None:
    """256 MiB without an end of line, unfolded from few bytes: one long line, cut."""
    path = tmp_path / "bomb.zst"
    with path.open("wb") as file, zstandard.ZstdCompressor().stream_writer(file) as writer:
        for _ in range(64):
            writer.write(b"x" * 4_194_304)
        writer.write(b'\n{"next":1}\n')
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    found = [
        line for batch, _ in FileSource(str(path), 0, 1_000_000).batches() for line in batch.values
    ]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [len(line) > 1_000_000 for line in found] == [True, False]
    assert peak < 80 * 1_048_576


@settings(max_examples=150)
@given(
    st.lists(st.sampled_from([b"\0", b"\n", b"a", b"\x1e", b"bc"]), max_size=40), st.integers(1, 9)
)
def test_filling_is_what_stands_before_a_line(pieces: list[bytes], chunk: int) -> None:
    """However it is read; within a line NULs are the line's own."""
    data = b"".join(pieces)
    stream = plain_stream(io.BytesIO(b"{}..\n" + data), "x")
    found = b"".join(iter(lambda: stream.read(chunk), b""))
    lines = [line.lstrip(b"\0\x1e") for line in data.split(b"\n")]
    assert found == b"{}..\n" + b"\n".join(lines)
