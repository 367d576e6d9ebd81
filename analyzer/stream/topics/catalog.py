"""The topics a worker needs: which, with how many partitions, checked and created."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import NodeNotReadyError, TopicAlreadyExistsError, for_code

from analyzer import kafka_clients as clients
from analyzer.errors import Broken, RetryLater, UsageError
from analyzer.settings import Settings
from analyzer.stream.topics.topic_ids import topic_ids

DAY_MS = 86_400_000
VISIBLE_WITHIN_S = 10.0
ASK_AGAIN, ASK_AGAIN_AFTER_S = 10, 0.3

COMPACTED = {"cleanup.policy": "compact"}
SNAPSHOTS = {
    "cleanup.policy": "compact",
    "segment.ms": str(10 * 60_000),
    "min.cleanable.dirty.ratio": "0.2",
    "delete.retention.ms": str(60 * 60_000),
}


def kept(days: int) -> dict[str, str]:
    """Configuration of a topic whose records are deleted after some days."""
    return {"cleanup.policy": "delete", "retention.ms": str(days * DAY_MS)}


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic a worker needs."""

    name: str
    partitions: int
    """How many are needed; 0 means any number."""
    setting: str
    """Which setting decides how many."""
    create_with: int
    """How many ``--create-topics`` makes."""
    config: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layout:
    """What the broker really has."""

    partitions: dict[str, int]
    ids: dict[str, str]


def snapshot_topic(settings: Settings, kind: str) -> str:
    """Topic that keeps the state of one kind of step: account, cohort or campaign."""
    return f"{settings.topics.snapshots}.{kind}"


def agents(settings: Settings) -> dict[str, str]:
    """Name of each agent and the topic it reads."""
    names = settings.topics
    return {
        "ingest": names.requests,
        "account": names.account,
        "cohort": names.cohort,
        "campaign": names.campaign,
    }


def wanted(settings: Settings) -> list[Topic]:
    """All topics of a worker with these settings."""
    names = settings.topics
    account, cohort = settings.shards, settings.cohort_shards
    out = names.output_partitions
    internal = [
        ("account", names.account, account, "shards", kept(3)),
        ("cohort", names.cohort, cohort, "cohort_shards", kept(14)),
        ("campaign", names.campaign, 1, "always 1", kept(14)),
    ]
    found = [
        Topic(names.requests, 0, "yours", names.requests_partitions, kept(7)),
        Topic(names.dead_letters, 0, "topics.output_partitions", out, kept(14)),
        Topic(names.alerts, 0, "topics.output_partitions", out, kept(90)),
        Topic(names.campaigns, 0, "topics.output_partitions", out, COMPACTED),
        Topic(names.members, 0, "topics.output_partitions", out, COMPACTED),
        Topic(names.feedback, 0, "topics.output_partitions", 1, kept(90)),
    ]
    for kind, name, count, setting, config in internal:
        found.append(Topic(name, count, setting, count, config))
        found.append(Topic(snapshot_topic(settings, kind), count, setting, count, SNAPSHOTS))
    return found


async def prepare(settings: Settings, *, create: bool) -> Layout:
    """Check that all topics are there with the right counts; create the missing if asked.

    Raises
    ------
    UsageError
        If a topic is missing or has another number of partitions than the settings say.
    RetryLater
        If no broker answers.
    """
    for _ in range(ASK_AGAIN):
        with suppress(NodeNotReadyError):  # one node of the cluster is away; the next is asked
            return await _prepare(settings, create=create)
        await asyncio.sleep(ASK_AGAIN_AFTER_S)
    return await _prepare(settings, create=create)


async def _prepare(settings: Settings, *, create: bool) -> Layout:
    topics = wanted(settings)
    async with clients.admin(settings) as client:
        missing = await _missing(client, topics)
        if missing and not create:
            raise UsageError(_explain_missing(missing))
        await _create(client, missing, settings.topics.replication_factor)
        layout = await _layout(client, topics)
    problems = [text for topic in topics if (text := _problem(topic, layout))]
    if problems:
        raise UsageError("; ".join(problems))
    return layout


async def _missing(client: AIOKafkaAdminClient, topics: list[Topic]) -> list[Topic]:
    there = set(await client.list_topics())
    return [topic for topic in topics if topic.name not in there]


async def _create(
    client: AIOKafkaAdminClient, missing: list[Topic], replication_factor: int
) -> None:
    if not missing:
        return
    response = await client.create_topics(
        [
            NewTopic(topic.name, topic.create_with, replication_factor, topic_configs=topic.config)
            for topic in missing
        ]
    )
    for name, code, *reason in response.topic_errors:
        if code not in {0, TopicAlreadyExistsError.errno}:
            raise Broken(f"can't create topic {name}: {for_code(code).__name__} {reason}")
    for _ in range(int(VISIBLE_WITHIN_S / 0.1)):
        if not await _missing(client, missing):
            return
        await asyncio.sleep(0.1)
    raise RetryLater("topics were created but the broker does not show them yet; start again")


async def _layout(client: AIOKafkaAdminClient, topics: Iterable[Topic]) -> Layout:
    names = [topic.name for topic in topics]
    described = await client.describe_topics(names)
    counts = {row["topic"]: len(row["partitions"]) for row in described}
    ids = await topic_ids(client._client, names)  # noqa: SLF001 - no public way to send a request
    return Layout({name: counts[name] for name in names}, ids)


def _problem(topic: Topic, layout: Layout) -> str | None:
    found = layout.partitions[topic.name]
    if not topic.partitions or found == topic.partitions:
        return None
    return (
        f"topic {topic.name} has {found} partitions but the settings ask for "
        f"{topic.partitions} ({topic.setting}): set {topic.setting} to {found}, or use new "
        "topic names and let --create-topics make them"
    )


def _explain_missing(missing: list[Topic]) -> str:
    lines = [
        f"  {topic.name}: {topic.create_with} partitions"
        + "".join(f", {key}={value}" for key, value in topic.config.items())
        for topic in missing
    ]
    return "\n".join(
        ["these topics are missing; run `analyzer worker --create-topics`, or create:", *lines]
    )
