"""The topics a worker needs: which, with how many partitions, checked and created."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import NodeNotReadyError, TopicAlreadyExistsError, for_code

from analyzer import kafka_clients as clients
from analyzer.errors import Broken, RetryLater, UsageError
from analyzer.kafka_metadata import NO_ID, topic_ids
from analyzer.kafka_topics import (
    DAY_MS,
    Complaint,
    NeededTopic,
    Policy,
    TopicConfig,
    complaints,
    copies_in,
    topic_configs,
)
from analyzer.settings import Settings
from analyzer.stream.state.pages import PAGE_BYTES
from analyzer.stream.transport.message_chunks import PART_BYTES

log = structlog.get_logger("analyzer.stream")

VISIBLE_WITHIN_S = 10.0
GRACE_S = 2.0
ASK_AGAIN, ASK_AGAIN_AFTER_S = 10, 0.3

AROUND_BYTES = 65_536
"""What a message of ours may have beside its block or page."""
RECORD_BYTES = 262_144
"""Size of the largest alert, campaign, member or dead letter, at most."""
MESSAGES = {"max.message.bytes": "1048588"}
"""Kafka's own default, for topics of brokers that allow less."""

COMPACTED = {"cleanup.policy": "compact"} | MESSAGES
SNAPSHOTS = MESSAGES | {
    "cleanup.policy": "compact",
    "segment.ms": str(10 * 60_000),
    "min.cleanable.dirty.ratio": "0.2",
    "delete.retention.ms": str(60 * 60_000),
}


def kept(days: int) -> dict[str, str]:
    """Configuration of a topic whose records are deleted after some days."""
    return {"cleanup.policy": "delete", "retention.ms": str(days * DAY_MS)} | MESSAGES


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
    message_bytes: int = 0
    """Size of the largest message that we write to it, at most."""
    vital: bool = False
    """True: no worker may start if its records are kept otherwise."""
    raw: bool = False
    """True: others write to it."""

    @property
    def needed(self) -> NeededTopic:
        """What it must be like."""
        policy: Policy = "compact" if self.config.get("cleanup.policy") == "compact" else "delete"
        return NeededTopic(
            self.name,
            self.partitions,
            self.setting,
            policy,
            self.message_bytes,
            vital=self.vital,
            raw=self.raw,
        )


@dataclass(frozen=True, slots=True)
class Layout:
    """What the broker really has."""

    partitions: dict[str, int]
    ids: dict[str, str]
    copies: dict[str, int] = field(default_factory=dict)
    """Of each partition of a topic, at least."""
    tells_ends: bool = False
    """True: the broker tells the end of a log exactly; the embedded one tells it too low."""

    def id_of(self, topic: str) -> str:
        """32 hexadecimal digits; ``NO_ID`` where the broker gives none."""
        return self.ids.get(topic, NO_ID)


def snapshot_topic(settings: Settings, kind: str) -> str:
    """Topic that keeps the state of one kind of step: account, cohort or campaign."""
    return f"{settings.topics.snapshots}.{kind}"


def agents(settings: Settings) -> dict[str, str]:
    """Name of each agent and the topic it reads.

    The one that judges campaigns judges cohorts too, unless these are cut into shards.
    """
    names = settings.topics
    found = {"ingest": names.requests, "account": names.account}
    if settings.cohort_shards > 1:
        found["cohort"] = names.cohort
    return found | {"campaign": names.campaign}


def wanted(settings: Settings) -> list[Topic]:
    """All topics of a worker with these settings."""
    names = settings.topics
    out = names.output_partitions
    cut = {
        "account": (settings.shards, "shards", kept(3)),
        "cohort": (settings.cohort_shards, "cohort_shards", kept(14)),
        "campaign": (1, "always 1", kept(14)),
    }
    many, size = "topics.output_partitions", RECORD_BYTES
    block, page = PART_BYTES + AROUND_BYTES, PAGE_BYTES + AROUND_BYTES
    requests = kept(7)
    del requests["max.message.bytes"]  # it is the gateways' own
    found = [
        Topic(
            names.requests, 0, "yours", names.requests_partitions, requests, vital=True, raw=True
        ),
        Topic(names.dead_letters, 0, many, out, kept(14), size),
        Topic(names.alerts, 0, many, out, kept(90), size),
        Topic(names.campaigns, 0, many, out, COMPACTED, size),
        Topic(names.members, 0, many, out, COMPACTED, size),
        Topic(names.feedback, 0, many, 1, kept(90)),
    ]
    if settings.shadow_core is not None:
        found.append(Topic(names.shadow_alerts, 0, many, out, kept(90), size))
    for kind, name in agents(settings).items():
        if kind == "ingest":
            continue
        count, setting, config = cut[kind]
        saved = snapshot_topic(settings, kind)
        found.append(Topic(name, count, setting, count, config, block, vital=True))
        found.append(Topic(saved, count, setting, count, SNAPSHOTS, page, vital=True))
    return found


async def prepare(settings: Settings, *, create: bool, skip_lost: bool = False) -> Layout:
    """Check that all topics are there and as they must be; create the missing if asked.

    Parameters
    ----------
    skip_lost
        Put up with a topic of requests from which events are compacted away.

    Raises
    ------
    UsageError
        If a topic is missing, has another number of partitions than the settings say, keeps its
        records otherwise than it must, or does not take messages of the size of ours.
    RetryLater
        If no broker answers.
    """
    for _ in range(ASK_AGAIN):
        with suppress(NodeNotReadyError):  # one node of the cluster is away; the next is asked
            return await _prepare(settings, create=create, skip_lost=skip_lost)
        await asyncio.sleep(ASK_AGAIN_AFTER_S)
    return await _prepare(settings, create=create, skip_lost=skip_lost)


async def _prepare(settings: Settings, *, create: bool, skip_lost: bool) -> Layout:
    topics = wanted(settings)
    async with clients.admin(settings) as client:
        missing = await _missing(client, topics)
        if missing and not create:
            raise UsageError(_explain_missing(missing))
        await _create(client, missing, settings.topics.replication_factor)
        layout = await _layout(client, topics)
        configs = await topic_configs(client, layout.partitions)
    wrong = [
        complaint
        for topic in topics
        for complaint in complaints(
            topic.needed,
            layout.partitions[topic.name],
            configs.get(topic.name, TopicConfig()),
            layout.copies[topic.name],
        )
    ]
    _judge(wrong, skip_lost=skip_lost)
    exact = configs.get(settings.topics.requests, TopicConfig()).is_exact
    return replace(layout, tells_ends=exact)


def _judge(wrong: list[Complaint], *, skip_lost: bool) -> None:
    """Refuse what would give wrong answers; say the rest."""
    fatal = [c for c in wrong if c.vital and not (c.loses and skip_lost)]
    if fatal:
        raise UsageError("; ".join(map(str, fatal)))
    for complaint in wrong:
        log.warning(complaint.what, do=complaint.do)


async def refuse_others(settings: Settings) -> None:
    """See that no worker of the group runs with other settings or another release.

    One that was killed stays a member until its session ends; that is waited for.

    Raises
    ------
    UsageError
        If one does.
    """
    deadline = time.monotonic() + settings.kafka.session_timeout_s + GRACE_S
    async with clients.admin(settings) as admin:
        while others := clients.foreign(
            await clients.group_members(admin, settings.app_id), settings.client_id
        ):
            if time.monotonic() >= deadline:
                raise UsageError(
                    f"another worker of group {settings.app_id} runs with other settings or "
                    f"another release ({others}; here {settings.client_id}): make them equal, or "
                    "stop those workers first"
                )
            await asyncio.sleep(ASK_AGAIN_AFTER_S)


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
    copies = {row["topic"]: copies_in(row) for row in described}
    return Layout({name: counts[name] for name in names}, ids, copies)


def _explain_missing(missing: list[Topic]) -> str:
    lines = [
        f"  {topic.name}: {topic.create_with} partitions"
        + "".join(f", {key}={value}" for key, value in topic.config.items())
        for topic in missing
    ]
    return "\n".join(
        ["these topics are missing; run `analyzer worker --create-topics`, or create:", *lines]
    )
