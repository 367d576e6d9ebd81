"""Where the demo plays: a broker of its own or yours, and topics that disturb nobody."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

from aiokafka import TopicPartition

from analyzer import kafka_clients as clients
from analyzer.settings import PREFIX, Settings
from analyzer.settings_tables import Topics

if TYPE_CHECKING:
    from pathlib import Path

QUICK = {f"{PREFIX}WORKER__SNAPSHOT_EVERY_S": "3", f"{PREFIX}WORKER__IDLE_AFTER_S": "5"}
"""So that little waits; what you have set yourself wins."""
ALONE = {f"{PREFIX}HEALTH__PORT": "0"}
"""Several processes on one machine can't share a port."""


def environment(broker: str, config: Path | None, prefix: str = "") -> dict[str, str]:
    """Variables from which every process of the demo loads its settings.

    Parameters
    ----------
    prefix
        Put before the names of topics and groups; empty for your own names.
    """
    found = QUICK | dict(os.environ) | ALONE | {f"{PREFIX}BROKER": broker}
    if config is not None:
        found[f"{PREFIX}CONFIG"] = str(config)
    if prefix:
        found[f"{PREFIX}APP_ID"] = prefix
        for key, field in Topics.model_fields.items():
            if field.annotation is str:
                found[f"{PREFIX}TOPICS__{key.upper()}"] = f"{prefix}.{field.default}"
    return found


def prefixed(settings: Settings, prefix: str) -> Settings:
    """The settings that a process loads from such an environment."""
    names = {
        key: f"{prefix}.{field.default}"
        for key, field in Topics.model_fields.items()
        if field.annotation is str
    }
    topics = settings.topics.model_copy(update=names)
    return settings.model_copy(update={"app_id": prefix, "topics": topics})


def own_prefix() -> str:
    """A name that nobody else uses."""
    return f"demo-{uuid.uuid4().hex[:6]}"


async def holds_events(settings: Settings) -> bool:
    """Whether the topic of requests has ever had a record: then it is somebody's."""
    topic = settings.topics.requests
    async with clients.admin(settings) as admin:
        if topic not in await admin.list_topics():
            return False
    async with clients.reader(settings) as reader:
        await reader._client.add_topic(topic)  # noqa: SLF001 - partitions before a subscription
        tps = [TopicPartition(topic, p) for p in reader.partitions_for_topic(topic) or ()]
        return any((await reader.end_offsets(tps)).values())


async def clear(settings: Settings, topics: list[str]) -> None:
    """Delete the topics of a demo."""
    async with clients.admin(settings) as admin:
        await admin.delete_topics(topics)
