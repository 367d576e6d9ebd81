"""What happens around a running worker: topics that go or change, workers with other settings.

Each of these would otherwise end in a worker that is healthy and counts nothing, or in workers
that count under different settings. It stops instead, and its next start deals with it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import structlog
from aiokafka.errors import KafkaError
from faust.exceptions import ConsumerNotStarted

from analyzer.errors import Broken
from analyzer.kafka_clients import foreign
from analyzer.kafka_metadata import NO_ID, TopicState
from analyzer.stream.owners.context import Context
from analyzer.stream.transport.same_topic import made_anew

log = structlog.get_logger("analyzer.stream")

LOOK_S = 5.0
ANSWER_WITHIN_S = 10.0


@dataclass(slots=True)
class TopicWatch:
    """Compares what the broker has now with what it had at the start."""

    context: Context
    _missing: set[str] = field(default_factory=set)
    """Topics that the last look did not find; one look may meet a broker that has just begun."""
    _grown: dict[str, int] = field(default_factory=dict)

    async def forever(self) -> None:
        """Look every five seconds.

        Raises
        ------
        Broken
            If a topic is gone, was made anew or has another number of partitions than the settings
            say; or if another worker of the group has other settings.
        """
        while True:
            await asyncio.sleep(LOOK_S)
            await self.look()

    async def look(self) -> None:
        """One look; see :meth:`forever`."""
        consumer, layout = self.context.consumer, self.context.layout
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                found = await consumer.topics(layout.partitions)
                members = await consumer.members()
        except (TimeoutError, KafkaError, ConsumerNotStarted):
            return  # the broker does not answer: looked at again
        before, self._missing = self._missing, {n for n, s in found.items() if not s.partitions}
        for name in sorted(self._missing & before):
            raise Broken(
                f"topic {name} was deleted while this worker ran: create it again (`analyzer "
                "worker --create-topics`); what was counted stays counted"
            )
        for name, state in found.items():
            if name not in self._missing:
                self._compare(name, state)
        settings = self.context.settings
        if other := foreign(members, settings.client_id):
            raise Broken(
                f"another worker of group {settings.app_id} runs with other settings or another "
                f"release ({other}; here {settings.client_id}): make them equal, or stop those "
                "workers first"
            )

    def _compare(self, name: str, state: TopicState) -> None:
        layout, settings = self.context.layout, self.context.settings
        known_id, known = layout.id_of(name), layout.partitions[name]
        if NO_ID not in {known_id, state.id} and known_id != state.id:
            raise made_anew(name)
        if state.partitions == known or self._grown.get(name) == state.partitions:
            return
        self._grown[name] = state.partitions
        if name != settings.topics.requests:
            raise Broken(
                f"topic {name} had {known} partitions and has {state.partitions} now: start this "
                "worker again, which says what to do about it"
            )
        log.info("topic has grown; its new partitions are read", topic=name, now=state.partitions)
