"""Where alerts, campaigns and members are found: in a replay's folder, or in the live topics."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from analyzer import kafka_clients as clients
from analyzer.core.contracts.decode import UNREADABLE
from analyzer.core.contracts.records import Alert, Campaign, Member
from analyzer.errors import AnalyzerError, UsageError
from analyzer.settings import Settings

T = TypeVar("T", Alert, Campaign, Member)


def alerts_of(place: str, settings: Settings) -> list[Alert]:
    """All alerts of a replay's folder, or with ``live`` those that their topic holds now.

    Raises
    ------
    UsageError
        If there is no such folder, or it holds no alerts.
    """
    return _found(place, settings, Alert, "alerts")


def shadow_alerts_of(settings: Settings) -> list[Alert]:
    """All alerts of the second configuration that their topic holds now; as :func:`alerts_of`."""
    return _found("live", settings, Alert, "shadow_alerts")


def campaigns_of(place: str, settings: Settings) -> list[Campaign]:
    """The last state of each campaign, by id; as :func:`alerts_of`."""
    found = _found(place, settings, Campaign, "campaigns")
    return list({campaign.campaign_id: campaign for campaign in found}.values())


def members_at(place: str, settings: Settings) -> list[Member]:
    """The last state of each account that was ever a member, by id; as :func:`alerts_of`."""
    found = _found(place, settings, Member, "members")
    return list({member.account_id: member for member in found}.values())


def _found(place: str, settings: Settings, kind: type[T], name: str) -> list[T]:
    if place == "live":
        topic = str(getattr(settings.topics, name))
        return _decoded(values_of(topic, settings), topic, kind)
    path = Path(place) / f"{name}.ndjson"
    try:
        return _decoded(path.read_bytes().splitlines(), str(path), kind)
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}; give the folder of a replay, or live"
        ) from error


def _decoded(lines: Iterable[bytes], place: str, kind: type[T]) -> list[T]:
    decode = msgspec.json.Decoder(kind).decode
    try:
        return [decode(line) for line in lines if line.strip()]
    except UNREADABLE as error:
        raise UsageError(f"{place}: not {kind.__name__.lower()}.v1: {error}") from error


def values_of(topic: str, settings: Settings) -> list[bytes]:
    """Values of all records that a topic holds now.

    Raises
    ------
    UsageError
        If there is no such topic.
    AnalyzerError
        If no broker answers.
    """
    return asyncio.run(_from_topic(settings, topic))


async def _from_topic(settings: Settings, topic: str) -> list[bytes]:
    found: list[bytes] = []
    try:
        async with clients.reader(settings) as reader:
            await reader._client.add_topic(topic)  # noqa: SLF001 - partitions without a group
            tps = [
                TopicPartition(topic, p) for p in sorted(reader.partitions_for_topic(topic) or ())
            ]
            if not tps:
                raise UsageError(f"topic {topic} is missing; check the settings in topics")
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
