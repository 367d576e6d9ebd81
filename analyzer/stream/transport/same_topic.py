"""Whether what a fetch brought is of the topic that was there at the start.

A fetch names its topic, not its id. Of a topic that was deleted and created anew, it brings the
records that happen to stand at the old one's offsets, which the next start would count again.
A broker that has the old id *after* the fetch had it during the fetch too, since ids are never
given twice.

References
----------
KIP-516, topic identifiers: a Fetch request carries ids from version 13 on, aiokafka 0.14 speaks up
to 11.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aiokafka.errors import KafkaError
from faust.exceptions import ConsumerNotStarted
from faust.types import TP

from analyzer.errors import Broken
from analyzer.kafka_metadata import NO_ID
from analyzer.stream.transport.position import ConsumerPort

ASK_AGAIN_AFTER_S = 0.25


def made_anew(topic: str) -> Broken:
    """What to say of a topic that has another id than at the start."""
    return Broken(
        f"topic {topic} was deleted and created anew while this worker ran: start it again; "
        "it reads the new one from its start, and counts nothing twice"
    )


class SameTopic:
    """Asks the broker; one question answers everybody who came before it was asked.

    Parameters
    ----------
    known_id
        Id at the start; ``NO_ID``: the broker gives none, and nothing is asked.
    """

    def __init__(self, consumer: ConsumerPort, known_id: str) -> None:
        self._consumer = consumer
        self._known_id = known_id
        self._asked, self._found = 0, known_id
        self._asking = asyncio.Lock()

    async def confirm(self, tp: TP) -> None:
        """Return once the broker has had the same topic after this call; waits while it is silent.

        Raises
        ------
        Broken
            If the topic was made anew.
        """
        if self._known_id == NO_ID:
            return
        asked = self._asked
        async with self._asking:
            if self._asked == asked:  # nobody has asked since we came
                self._found = await self._ask(tp)
        if self._found != self._known_id:
            raise made_anew(tp.topic)

    async def _ask(self, tp: TP) -> str:
        while True:
            self._asked += 1
            with suppress(KafkaError, ConsumerNotStarted):
                if found := await self._consumer.topic_id(tp):
                    return found
            await asyncio.sleep(ASK_AGAIN_AFTER_S)
