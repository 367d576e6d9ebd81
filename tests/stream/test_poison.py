"""What nobody can read, on the topics between the steps and among the snapshots.

It is set aside and passed; a worker that is started again does not fall over it again.
"""

from __future__ import annotations

import zlib
from collections import Counter
from pathlib import Path

import msgspec
import pytest
import zstandard

from analyzer.core.contracts.blocks import EventBlock, PaneBlock, encode
from analyzer.core.contracts.records import DeadLetter
from analyzer.core.contracts.snapshot_codec import pack
from analyzer.settings import Settings
from analyzer.stream.state.pages import Manifest, PageRef
from analyzer.stream.topics.catalog import snapshot_topic
from analyzer.testing import harness, reference_run
from analyzer.testing.brokers import Broker

PARTITIONS = 2
POISON = (
    b"",
    b"no block",
    b"\x00no part of one",
    b"\x91" * 100_000,
    msgspec.msgpack.encode({"a": "map"}),
    encode(EventBlock(0, 5, 9, 0))[:-20],
    encode(EventBlock(0, 9, 5, 0)),
    zstandard.compress(zstandard.decompress(encode(PaneBlock(0, 0, 1))).replace(b"<u8", b"<f4")),
)

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(broker: Broker) -> Settings:
    """Topics and a group of their own, with blocks of every kind."""
    found = harness.settings_for(broker.url, PARTITIONS, shards=2, cohort_shards=2)
    harness.create_topics(found)
    return found


@pytest.fixture(scope="module")
def parts() -> list[list[bytes]]:
    """A small scenario with a campaign in it, by partition."""
    return harness.scenario("smoke", PARTITIONS)


def topics(settings: Settings) -> list[str]:
    """The topics between the steps."""
    names = settings.topics
    return [names.account, names.cohort, names.campaign]


def poison(settings: Settings) -> None:
    """Put all of it at the end of each topic, as it is now."""
    for topic in topics(settings):
        harness.produce(settings, ((None, value) for value in POISON), topic=topic, partition=0)


def half_way(settings: Settings, parts: list[list[bytes]], log: Path) -> None:
    """Half of the events, and a worker that is killed when it has saved something."""
    harness.feed(settings, parts, 0.0, 0.5)
    saved = snapshot_topic(settings, "campaign")
    with harness.worker(settings, log) as worker:
        assert harness.holds_something(settings, saved, 30.0), worker.text()
        assert harness.caught_up(settings), worker.text()
        worker.kill()


def finish(settings: Settings, parts: list[list[bytes]], log: Path) -> str:
    """The rest of the events, and a worker that ends well; what it logged."""
    harness.feed(settings, parts, 0.5, 1.0)
    with harness.worker(settings, log) as worker:
        assert harness.caught_up(settings), worker.text()
        assert worker.terminate() == 0
        return worker.text()


def spoil(settings: Settings) -> None:
    """Account: every manifest is junk; cohort: every page; campaign: the best is too old."""
    for kind, is_spoilt in (("account", b"/manifest".__eq__), ("cohort", b"/manifest".__ne__)):
        topic = snapshot_topic(settings, kind)
        for number in range(settings.shards if kind == "account" else settings.cohort_shards):
            keys = [key or b"" for key, _ in harness.consume(settings, topic)]
            junk = [(key, b"junk") for key in keys if is_spoilt(key[key.rindex(b"/") :])]
            harness.produce(settings, junk, topic=topic, partition=number)
    old = zstandard.compress(pack("campaign", 0, {}))
    page = PageRef(b"9-old/1/0", zlib.crc32(old))
    topic_id = harness.create_topics(settings).ids[settings.topics.campaign]
    manifest = Manifest(9, "old", 1, 1_000_000, topic_id, [page])
    harness.produce(
        settings,
        [(page.key, old), (manifest.key, msgspec.msgpack.encode(manifest))],
        topic=snapshot_topic(settings, "campaign"),
        partition=0,
    )


def test_poison_changes_no_answer(
    settings: Settings, parts: list[list[bytes]], tmp_path: Path
) -> None:
    """Among blocks it becomes dead letters; in the place of a snapshot an older one serves."""
    poison(settings)
    half_way(settings, parts, tmp_path / "a.log")
    poison(settings)
    spoil(settings)
    log = finish(settings, parts, tmp_path / "b.log")
    assert harness.answers(settings) == sorted(set(reference_run.records(settings.core, parts)))
    found = dict(harness.consume(settings, settings.topics.dead_letters))
    letters = [msgspec.json.decode(value or b"", type=DeadLetter) for value in found.values()]
    assert Counter((letter.source, letter.reason) for letter in letters) == {
        (topic, "wrong_type"): 2 * len(POISON) for topic in topics(settings)
    }
    # Both account shards and both cohort shards.
    assert log.count("rebuilding from what the topic still holds") == 4
    assert "saved state is campaign version 0" in log


def test_poison_in_the_place_of_a_block_stops_the_worker(settings: Settings) -> None:
    """What comes after it shows the hole: exit 1, said in one sentence."""
    values = [encode(EventBlock(0, 0, 10, 0)), b"no block", encode(EventBlock(0, 20, 30, 0))]
    messages = ((None, value) for value in values)
    harness.produce(settings, messages, topic=settings.topics.account, partition=0)
    done = harness.run(settings, "worker")
    assert done.returncode == 1
    assert "rows 10 to 20 are missing" in done.stderr
