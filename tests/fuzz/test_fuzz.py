"""Every border takes what comes, or refuses it by an error of ours; anything else is a fault.

``--fuzz SECONDS`` is the time for each border, ``--chaos-seed`` decides what is tried. What was
found once lies in ``kept``, by border, and is tried first.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np
import pytest
import structlog
import zstandard
from aiokafka.errors import CorruptRecordException
from aiokafka.record.util import calc_crc32c
from faust.types import TP
from pydantic import SecretStr

from analyzer.core.config import CoreConfig
from analyzer.core.contracts import blocks
from analyzer.core.contracts.blocks import CohortBlock, EventBlock, PaneBlock
from analyzer.core.contracts.event_time import NO_WATERMARK
from analyzer.core.contracts.feedback import decode_feedback
from analyzer.core.contracts.records import Alert
from analyzer.core.contracts.snapshot_codec import pack
from analyzer.core.ingest.step import IngestStep, RawBatch
from analyzer.core.kernels.byte_strings import Texts
from analyzer.core.pipeline import STATE_VERSION, STEPS, Judging, Pipeline, Sharding
from analyzer.errors import AnalyzerError
from analyzer.formats.catalog import NAMES
from analyzer.formats.options import FormatSettings
from analyzer.formats.reader import Reader
from analyzer.kafka_offsets import Mark
from analyzer.settings import Settings
from analyzer.simulate import generate
from analyzer.sinks.slack import SlackSink
from analyzer.stream.state import snapshots
from analyzer.stream.state.snapshots import Entry, SnapshotStore
from analyzer.stream.transport.message_chunks import MARK, Assembler, cut
from analyzer.stream.transport.record_batches import RecordBatches
from analyzer.testing.mutants import mutant
from analyzer.testing.snapshot_fakes import MemoryLog

ROOT = Path(__file__).parents[2]
LIMIT = 1_048_576
REFUSED = (AnalyzerError, CorruptRecordException)
CONFIG = CoreConfig(warmup_s=0, time_quorum=0)
HEAD = 61
"""Bytes before the records of a batch."""


@dataclass(frozen=True)
class Border:
    """Where something comes in from outside."""

    take: Callable[[bytes], object]
    """Raises one of ``REFUSED``, or takes it."""
    whole: Callable[[], Sequence[bytes]]
    """Real inputs."""


def _examples(contract: str) -> list[bytes]:
    files = (ROOT / "schemas" / "examples" / contract).glob("*/*.json")
    return [file.read_bytes() for file in sorted(files)]


def _records(name: str) -> list[bytes]:
    return (ROOT / "tests/formats/golden" / f"{name}.in.ndjson").read_bytes().splitlines()


def _raw(name: str) -> Border:
    """A raw record: each is events, dead letters and what is passed over, and the way goes on."""
    reader = Reader(FormatSettings(name=name), LIMIT)

    def take(data: bytes) -> None:
        step = IngestStep(CONFIG, source=0, source_name="x", shards=1)
        step.understand(reader)
        lines = data.split(b"\n")
        raw = RawBatch(Texts.of(lines), np.arange(len(lines)), np.arange(len(lines)))
        output = step.feed(raw)
        for block in output.made:
            blocks.decode(blocks.encode(block), EventBlock)
        for letter in output.dead:
            msgspec.json.encode(letter)

    return Border(take, partial(_records, name if name in NAMES[1:] else "native"))


@cache
def _run() -> tuple[Pipeline, dict[str, bytes]]:
    """A small world and the largest block of each kind."""
    found: dict[str, bytes] = {}

    def call(name: str, step: Any, block: Any) -> Any:
        if name != "ingest":
            plain, kind = zstandard.decompress(blocks.encode(block)), type(block).__name__
            found[kind] = max(plain, found.get(kind, b""), key=len)
        return step.feed(block)

    pipeline = Pipeline(CONFIG, call=call)
    lines = b"".join(generate("smoke", 5, scale=0.2, days=1.2).lines()).splitlines()
    raw = RawBatch(Texts.of(lines), np.arange(len(lines)))
    list(pipeline.feed(0, raw).made)
    return pipeline, found


def _block(kind: type[EventBlock | PaneBlock | CohortBlock]) -> Border:
    """A block that was damaged before it was compressed."""

    def take(data: bytes) -> None:
        blocks.decode(zstandard.compress(data, 1), kind)

    return Border(take, lambda: [_run()[1][kind.__name__]])


def _state(make: Callable[[], Any], whole: Callable[[], bytes]) -> Border:
    """A saved state whose checksum is right: it is put back and can be saved again, or not."""

    def take(data: bytes) -> None:
        step = make()
        step.restore(data)
        step.snapshot()

    return Border(take, lambda: [whole()])


def _saved(step: str) -> bytes:
    found: bytes = _run()[0].steps[step][0].snapshot()
    return found


def _judging() -> bytes:
    """The last two steps as one."""
    both = {name: _saved(name) for name in ("cohort", "campaign")}
    return pack("judging", STATE_VERSION, both)


def _snapshot() -> Border:
    """A partition of the topic of snapshots: keys and values as MessagePack."""

    def whole() -> list[bytes]:
        log = MemoryLog()
        store = SnapshotStore(log, topic_id="t", nonce="n", page_bytes=64)
        for cover in (3, 7):
            asyncio.run(store.save(b"state" * 30, cover))
        return [msgspec.msgpack.encode(log.entries), *(v for _, v in log.entries if v)]

    def take(data: bytes) -> None:
        entries: list[Entry] = [(b"1-n/1/manifest", data), (b"1-n/1/0", data)]
        try:
            found = msgspec.msgpack.decode(data, type=list[Entry])
            entries = found or entries
        except (msgspec.MsgspecError, RecursionError):
            pass
        store = SnapshotStore(MemoryLog(entries), topic_id="t", nonce="m")
        asyncio.run(store.load(lambda _state: None))

    return Border(take, whole)


def _batch(*, checked: bool) -> Border:
    """A fetch of record batches; with a right checksum, so that what is inside is read."""

    def whole() -> list[bytes]:
        from aiokafka.record.default_records import DefaultRecordBatchBuilder

        found = []
        for codec in range(5):
            builder = DefaultRecordBatchBuilder(2, codec, False, -1, -1, -1, 10**6)
            for n in range(9):
                builder.append(n, 1_000 + n, b"k", b"value %d" % n * n, [("h", b"v")])
            found.append(bytes(builder.build()))
        return found

    def take(data: bytes) -> None:
        fetch = bytearray(data)
        if checked and len(fetch) >= HEAD:
            fetch[8:12] = (len(fetch) - 12).to_bytes(4)
            fetch[16] = 2
            fetch[17:21] = calc_crc32c(bytes(fetch[21:])).to_bytes(4)
        for piece in RecordBatches(TP("t", 0), bytes(fetch), 0):
            assert len(list(piece.values)) == len(piece.offsets)

    return Border(take, whole)


def _part(data: bytes) -> None:
    assembler = Assembler()
    for offset, message in enumerate(data.split(b"\xff\xfe\xfd")):
        assembler.feed(offset, message)
    assembler.cover(9)


def _parts() -> list[bytes]:
    made = cut(b"x" * 900, sender="s", number=1, kind="k", source=2, stop=9, part_bytes=300)
    return [b"\xff\xfe\xfd".join(made), MARK]


def _settings(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "settings.toml")
        path.write_bytes(data)
        Settings.load(path)


TOML = b"""shards = 2
broker = "kafka://a:9092"
[core]
pane_s = 600
windows = [[3600, 1200]]
hash_key = "x"
[slack]
webhook_url = "https://hooks.slack.com/services/T0/B0/x"
[sinks.pagerduty]
routing_key = "r"
[shadow]
alert_threshold = 0.7
[topics]
requests = "r"
"""


def _mark(data: bytes) -> None:
    mark = Mark.parse(data.decode("utf-8", "replace")) or Mark(NO_WATERMARK)
    step = IngestStep(CONFIG, source=0, source_name="x", shards=1)
    step.resume(1, mark.watermark_ms, mark.clock)
    lines = _examples("llm.request.v1")
    step.feed(RawBatch(Texts.of(lines), np.arange(1, 1 + len(lines)), np.arange(len(lines))))


def _marks() -> list[bytes]:
    lines = _records("native") * 40
    step = IngestStep(CONFIG, source=0, source_name="x", shards=1)
    step.feed(RawBatch(Texts.of(lines), np.arange(len(lines)), np.arange(len(lines))))
    return [str(Mark(step.watermark_ms, "a" * 32, step.clock)).encode(), b"7", b""]


ALERT = msgspec.json.decode(
    (ROOT / "schemas/examples/alert.v1/valid/opened.json").read_bytes(), type=Alert
)


def _slack(data: bytes) -> None:
    """Whatever comes back over the wire: taken only if it says so."""

    async def run() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(LIMIT)
            writer.write(data)
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        url = SecretStr(f"http://127.0.0.1:{port}/services/T0/B0/secret")
        try:
            async with SlackSink(url, pause_s=0.0, timeout_s=5.0) as sink:
                await sink.deliver(ALERT)
                assert b" 2" in data[:20], "who says nothing of the kind has not taken it"
        except AnalyzerError as error:
            if "secret" in str(error):
                raise ValueError("the address is told") from error
            raise
        finally:
            server.close()
            await server.wait_closed()

    asyncio.run(run())


def _answers() -> list[bytes]:
    def answer(status: str, body: str, more: str = "") -> bytes:
        return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n{body}".encode()

    return [
        answer("200 OK", "ok"),
        answer("400 Bad Request", "invalid_payload"),
        answer("404 Not Found", "no_service"),
        answer("429 Too Many", "rate_limited", "Retry-After: 7\r\n"),
        answer("302 Found", "", "Location: http://127.0.0.1:1/\r\n"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ]


def _named() -> Iterator[tuple[str, Border]]:
    for name in NAMES:
        yield f"raw {name}", _raw(name)
    yield "feedback", Border(lambda d: decode_feedback(d, LIMIT), partial(_examples, "feedback.v1"))
    for block in (EventBlock, PaneBlock, CohortBlock):
        yield block.__name__, _block(block)
    for kind in STEPS:
        make = partial(kind.make, CONFIG, Sharding(), 0)
        yield f"state {kind.name}", _state(make, partial(_saved, kind.name))
    yield "state judging", _state(partial(Judging, CONFIG, Sharding()), _judging)
    yield "snapshot", _snapshot()
    yield "record batch", _batch(checked=True)
    yield "fetch", _batch(checked=False)
    yield "part of a block", Border(_part, _parts)
    yield "settings", Border(_settings, lambda: [TOML])
    yield "commit", Border(_mark, _marks)
    yield "Slack's answer", Border(_slack, _answers)


BORDERS = dict(_named())
KEPT = Path(__file__).with_name("kept")


def try_one(name: str, data: bytes) -> None:
    """What is a fault is kept."""
    try:
        BORDERS[name].take(data)
    except REFUSED:
        return
    except BaseException:
        folder = KEPT / name.replace(" ", "_")
        folder.mkdir(exist_ok=True)
        (folder / f"{zlib.crc32(data):08x}").write_bytes(data)
        raise


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "READ_AGAIN_AFTER_S", 0.0)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))


def fuzz(name: str, *, seed: int, seconds: float) -> None:
    """What was found before, real inputs, and changed ones until the time is over."""
    whole = list(BORDERS[name].whole())
    kept = [file.read_bytes() for file in sorted((KEPT / name.replace(" ", "_")).glob("*"))]
    for data in kept + whole:
        try_one(name, data)
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try_one(name, mutant(whole + kept, rng))


@pytest.mark.parametrize("name", BORDERS)
@pytest.mark.timeout(3_600)
def test_anything_is_taken_or_refused(name: str, pytestconfig: pytest.Config) -> None:
    """For as long as ``--fuzz`` says."""
    option = pytestconfig.getoption
    fuzz(name, seed=option("--chaos-seed"), seconds=option("--fuzz"))


def test_it_finds_a_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """And keeps what it was."""

    def take(data: bytes) -> None:
        if b"}}" in data:
            raise ZeroDivisionError

    monkeypatch.setitem(BORDERS, "x", Border(take, lambda: [b"{}"]))
    monkeypatch.setitem(globals(), "KEPT", tmp_path)
    with pytest.raises(ZeroDivisionError):
        fuzz("x", seed=1, seconds=60.0)
    [file] = (tmp_path / "x").iterdir()
    assert b"}}" in file.read_bytes()
