"""Whether a worker that starts now would find what it has not read, and go on where it stopped.

Judges by the same table as the worker (:mod:`analyzer.kafka_offsets`), and changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from analyzer import kafka_clients as clients
from analyzer.console.finding import Finding
from analyzer.kafka_metadata import NO_ID, topic_ids
from analyzer.kafka_offsets import Log, Place, place_of
from analyzer.kafka_topics import TopicConfig, topic_configs

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.structs import OffsetAndMetadata

    from analyzer.kafka_topics import NeededTopic
    from analyzer.settings import Settings

SKIP = "start a worker once with --skip-lost to go on without them"


async def progress(
    admin: AIOKafkaAdminClient, settings: Settings, needed: list[NeededTopic]
) -> list[Finding]:
    """A finding for each partition whose next record is gone, or whose group's offset is odd."""
    there = set(await admin.list_topics())
    names = settings.topics
    known = {topic.name for topic in needed}
    all_read = (names.requests, names.account, names.cohort, names.campaign)
    read = [topic for topic in all_read if topic in known]
    if not there >= known:
        return []  # a missing topic is told, and comes first
    async with clients.reader(settings) as reader:
        tps = []
        for topic in read:
            await reader._client.add_topic(topic)  # noqa: SLF001 - partitions before a subscription
            tps += [TopicPartition(topic, p) for p in reader.partitions_for_topic(topic) or ()]
        logs = await _logs(admin, reader, tps)
    committed = await _committed(admin, settings.app_id, tps)
    saved = any(tp.topic != names.requests for tp in committed)
    found = []
    for tp in sorted(tps):
        if tp.topic == names.requests:
            found += _raw(tp, _pair(committed.get(tp)), logs[tp], began=saved or bool(committed))
        elif tp in committed and (offset := committed[tp].offset) < logs[tp].first:
            found.append(_lost(tp, offset, logs[tp].first))
    return found


async def _logs(
    admin: AIOKafkaAdminClient, reader: AIOKafkaConsumer, tps: list[TopicPartition]
) -> dict[TopicPartition, Log]:
    topics = sorted({tp.topic for tp in tps})
    ids = await topic_ids(admin._client, topics)  # noqa: SLF001 - no public way to send a request
    configs = await topic_configs(admin, topics)
    first, end = await reader.beginning_offsets(tps), await reader.end_offsets(tps)
    return {
        tp: Log(
            first[tp],
            end[tp],
            ids.get(tp.topic, NO_ID),
            tells_end=configs.get(tp.topic, TopicConfig()).is_exact,
        )
        for tp in tps
    }


async def _committed(
    admin: AIOKafkaAdminClient, group: str, tps: list[TopicPartition]
) -> dict[TopicPartition, OffsetAndMetadata]:
    try:
        offsets = await admin.list_consumer_group_offsets(group, partitions=tps)
    except KafkaError:
        return {}  # told by the finding about the group
    return {tp: found for tp, found in offsets.items() if found.offset >= 0}


def _pair(found: OffsetAndMetadata | None) -> tuple[int, str] | None:
    return None if found is None else (found.offset, found.metadata or "")


def _raw(
    tp: TopicPartition, committed: tuple[int, str] | None, log: Log, *, began: bool
) -> list[Finding]:
    where = f"{tp.topic}/{tp.partition}"
    place: Place = place_of(committed, log)
    if place.fatal:
        return [Finding(ok=False, what=f"{where}: {place.fatal}")]
    if place.lost_to is not None:
        return [_lost(tp, place.position, place.lost_to)]
    if place.note and log.tells_end:  # the embedded broker keeps no marks
        return [Finding(ok=False, what=f"{where}: {place.note}", do="know it, or put it right")]
    if committed is None and began and log.first > 0:
        return [
            Finding(
                ok=False,
                what=f"{where}: the group's offset has expired or was deleted, and the log begins "
                f"at {log.first}: records before it may never have been read",
                do=f"if a worker says so, {SKIP}; raise offsets.retention.minutes on the broker",
            )
        ]
    return []


def _lost(tp: TopicPartition, start: int, stop: int) -> Finding:
    return Finding(
        ok=False,
        what=f"{tp.topic}/{tp.partition}: the broker has deleted offsets {start} to {stop} before "
        "they were read",
        do=f"{SKIP}; raise the topic's retention.ms",
    )
