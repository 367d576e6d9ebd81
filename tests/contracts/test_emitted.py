"""Every record that the analyzer emits is what its contract says."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from analyzer.core.config import CoreConfig
from analyzer.core.contracts.records import Alert, Campaign, DeadLetter, Member, encode_record
from analyzer.replay.runner import Runner
from analyzer.replay.sources import FileSource
from analyzer.simulate import generate
from analyzer.simulate.world import DEFAULT_START_MS

if TYPE_CHECKING:
    from pathlib import Path

NAMES = {
    Alert: "alert.v1",
    Campaign: "campaign.v1",
    Member: "member.v1",
    DeadLetter: "dead-letter.v1",
}
BAD = (
    b"{",
    b"",
    b"[]",
    b'{"event_id":1}',
    b'{"event_id":"e"}',
    b'{"event_id":"e","timestamp_ms":-1}',
    b"\xff",
)


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world with a campaign and some records that are no events."""
    file = tmp_path_factory.mktemp("world") / "events.ndjson"
    world = generate("smoke", 1, 1.0, None, DEFAULT_START_MS)
    file.write_bytes(b"".join(line + b"\n" for line in BAD) + b"".join(world.chunks()))
    return file


def test_every_record_of_a_replay_validates(events: Path, contracts: dict[str, Any]) -> None:
    """Alerts, campaigns, members and dead letters, all of them and some of each."""
    counts: dict[str, int] = defaultdict(int)
    for record in Runner(CoreConfig(), [FileSource(str(events), 0)]):
        name = NAMES[type(record)]
        assert contracts[name].accepts(msgspec.json.decode(encode_record(record))), record
        counts[name] += 1
    assert sorted(counts) == sorted(NAMES.values())
    assert counts["dead-letter.v1"] == len(BAD)


def test_every_event_of_a_world_validates(events: Path, contracts: dict[str, Any]) -> None:
    """The simulator's events follow the contract, not only what the code happens to read."""
    for line in events.read_bytes().splitlines()[len(BAD) :: 97]:
        assert contracts["llm.request.v1"].accepts(msgspec.json.decode(line)), line
