"""Where alerts are found: in a replay's folder, or in the live topic up to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from analyzer import kafka_clients as clients
from analyzer.core.contracts.records import Alert
from analyzer.errors import AnalyzerError, UsageError
from analyzer.settings import Settings

_decode = msgspec.json.Decoder(Alert).decode


def alerts_of(place: str, settings: Settings) -> list[Alert]:
    """All alerts of a replay's folder, or with ``live`` those that their topic holds now.

    Raises
    ------
    UsageError
        If there is no such folder, or it holds no alerts.
    """
    if place == "live":
        return _decoded(asyncio.run(_from_topic(settings)), settings.topics.alerts)
    path = Path(place) / "alerts.ndjson"
    try:
        return _decoded(path.read_bytes().splitlines(), str(path))
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}; give the folder of a replay, or live"
        ) from error


def _decoded(lines: Iterable[bytes], place: str) -> list[Alert]:
    try:
        return [_decode(line) for line in lines if line.strip()]
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError(f"{place}: not alert.v1: {error}") from error


async def _from_topic(settings: Settings) -> list[bytes]:
    topic, found = settings.topics.alerts, list[bytes]()
    try:
        async with clients.reader(settings) as reader:
            await reader._client.add_topic(topic)  # noqa: SLF001 - partitions without a group
            tps = [
                TopicPartition(topic, p) for p in sorted(reader.partitions_for_topic(topic) or ())
            ]
            if not tps:
                raise UsageError(f"topic {topic} is missing; check topics.alerts")
            ends = await reader.end_offsets(tps)
            reader.assign(tps)
            await reader.seek_to_beginning(*tps)
            for tp in tps:
                while await reader.position(tp) < ends[tp]:
                    batches = await reader.getmany(tp, timeout_ms=2_000)
                    found += [r.value for records in batches.values() for r in records if r.value]
    except KafkaError as error:
        raise AnalyzerError(f"no broker answers, or lets us read {topic}: {error!r}") from error
    return found
