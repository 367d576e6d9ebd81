"""What a topic must be like for us, and what is wrong with the one that is there.

A worker looks at this before it starts, and the doctor at any time::

    cleanup.policy      a snapshot that is deleted is lost, a block that is compacted away is a
                        hole, a raw event that is compacted away was never counted
    max.message.bytes   a block or page that the broker refuses ends the worker, at every start
    retention           what is deleted before a worker has read it was never counted
    min.insync.replicas more than there are copies: the broker takes no write at all, which a worker
                        meets at its first alert, perhaps weeks after its start
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

if TYPE_CHECKING:
    from aiokafka.admin import AIOKafkaAdminClient

Policy = Literal["compact", "delete"]
DAY_MS = 86_400_000
LEAST_KEPT_MS = DAY_MS
"""A worker that was off for so long must find what it has not read."""


@dataclass(frozen=True, slots=True)
class NeededTopic:
    """A topic that must be there before a worker starts."""

    name: str
    partitions: int
    """How many are needed; 0 means any number."""
    setting: str
    """Which setting decides how many."""
    policy: Policy | None = None
    """What ``cleanup.policy`` must be; None: whatever it is."""
    message_bytes: int = 0
    """Size of the largest message that we write to it, at most."""
    vital: bool = False
    """True: with another policy answers would be wrong, so that no worker may start."""
    raw: bool = False
    """True: others write to it, and it holds events that may still have to be read."""

    @property
    def is_read_once(self) -> bool:
        """Whether a worker must have read its records before they are deleted."""
        return self.vital and self.policy == "delete"


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something wrong with a topic."""

    what: str
    do: str
    vital: bool
    """True: no worker may start."""
    loses: bool = False
    """True: what is lost by it can be put up with, by ``--skip-lost``."""

    def __str__(self) -> str:
        return f"{self.what}: {self.do}"


@dataclass(frozen=True, slots=True)
class TopicConfig:
    """Configuration of one topic, as far as the broker shows it."""

    values: dict[str, str] = field(default_factory=dict)

    @property
    def is_exact(self) -> bool:
        """Whether it comes from a broker that tells the end of a log exactly.

        The embedded one shows only what was set, and tells too low an end.
        """
        return "max.message.bytes" in self.values and "segment.bytes" in self.values

    def number(self, key: str) -> int | None:
        """A whole number; None if it is not told."""
        text = self.values.get(key, "")
        return int(text) if text.lstrip("-").isdigit() else None


async def topic_configs(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, TopicConfig]:
    """Configuration of each topic; without those that we may not see."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    try:
        responses = await admin.describe_configs(resources)
    except KafkaError:
        return {}
    return {
        name: TopicConfig({key: value or "" for key, value, *_ in entries})
        for response in responses
        for error, _, _, name, entries in response.resources
        if not error
    }


def copies_in(described: dict[str, Any]) -> int:
    """Copies of each partition, at least, of a topic as a broker describes it."""
    return min((len(part["replicas"]) for part in described["partitions"]), default=0)


def complaints(
    needed: NeededTopic, partitions: int, config: TopicConfig, copies: int = 0
) -> Iterator[Complaint]:
    """All that is wrong with a topic that is there.

    Parameters
    ----------
    copies
        Copies of each partition; 0 if nobody tells.

    Examples
    --------
    >>> needed = NeededTopic("snap", 4, "shards", policy="compact", vital=True)
    >>> for wrong in complaints(needed, 4, TopicConfig({"cleanup.policy": "delete"})):
    ...     print(wrong.what)
    topic snap has cleanup.policy delete, needed is compact
    """
    yield from _count(needed, partitions)
    yield from _policy(needed, config.values.get("cleanup.policy"))
    yield from _limit(needed, config.number("max.message.bytes"))
    yield from _writable(needed, config.number("min.insync.replicas"), copies)
    yield from _retention(needed, config.number("retention.ms"))
    yield from _room(needed, config.number("retention.bytes"))


def _count(needed: NeededTopic, partitions: int) -> Iterator[Complaint]:
    if needed.partitions and partitions != needed.partitions:
        yield Complaint(
            f"topic {needed.name} has {partitions} partitions but the settings ask for "
            f"{needed.partitions} ({needed.setting})",
            f"set {needed.setting} to {partitions} if nothing was saved yet, or use new topic "
            "names and let `analyzer worker --create-topics` make them",
            vital=True,
        )


def _policy(needed: NeededTopic, policy: str | None) -> Iterator[Complaint]:
    if needed.policy and policy is not None and policy.replace(" ", "") != needed.policy:
        skip = "; or put up with events that are gone: --skip-lost" if needed.raw else ""
        yield Complaint(
            f"topic {needed.name} has cleanup.policy {policy}, needed is {needed.policy}",
            _alter(needed.name, f"cleanup.policy={needed.policy}") + skip,
            vital=needed.vital,
            loses=needed.raw,
        )


def _limit(needed: NeededTopic, limit: int | None) -> Iterator[Complaint]:
    if limit is not None and limit < needed.message_bytes:
        yield Complaint(
            f"topic {needed.name} takes messages of at most {limit} bytes, needed are "
            f"{needed.message_bytes}",
            _alter(needed.name, f"max.message.bytes={needed.message_bytes}"),
            vital=True,
        )


def _writable(needed: NeededTopic, least: int | None, copies: int) -> Iterator[Complaint]:
    if needed.message_bytes and least is not None and 0 < copies < least:
        yield Complaint(
            f"topic {needed.name} has {copies} copies of each partition, and takes nothing with "
            f"fewer than {least} (min.insync.replicas)",
            f"set topics.replication_factor to {least} or more before the topic is made; or "
            + _alter(needed.name, f"min.insync.replicas={copies}"),
            vital=True,
        )


def _retention(needed: NeededTopic, kept_ms: int | None) -> Iterator[Complaint]:
    if needed.is_read_once and kept_ms is not None and 0 <= kept_ms < LEAST_KEPT_MS:
        yield Complaint(
            f"topic {needed.name} keeps records for {kept_ms / 3_600_000:.3g} h; what a worker "
            "has not read by then is lost",
            _alter(needed.name, f"retention.ms={7 * DAY_MS}"),
            vital=False,
        )


def _room(needed: NeededTopic, kept_bytes: int | None) -> Iterator[Complaint]:
    if needed.is_read_once and kept_bytes is not None and kept_bytes >= 0:
        yield Complaint(
            f"topic {needed.name} keeps {kept_bytes / 2**20:,.4g} MiB of each partition, however "
            "soon they are full; what a worker has not read by then is lost",
            _alter(needed.name, "retention.bytes=-1"),
            vital=False,
        )


def _alter(name: str, change: str) -> str:
    return (
        f"kafka-configs.sh --alter --entity-type topics --entity-name {name} --add-config {change}"
    )
