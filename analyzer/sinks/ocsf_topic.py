"""Alerts to a Kafka topic as OCSF Detection Findings, for a SIEM that reads Kafka.

Key is the campaign, so the findings of one stay in order.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TYPE_CHECKING, Any, Self

import orjson
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from pydantic import Field

from analyzer import kafka_clients as clients
from analyzer.errors import BadRecord, RetryLater
from analyzer.formats.exchange.ocsf import finding
from analyzer.formats.networks import Networks
from analyzer.sinks.catalog import table
from analyzer.sinks.http_post import Choice

if TYPE_CHECKING:
    from analyzer.core.contracts.records import Alert
    from analyzer.settings import Settings


class OcsfTopicTable(Choice):
    """The table ``[sinks.ocsf_topic]``."""

    topic: str = Field(min_length=1, description="topic to write to, on the same brokers")


def ocsf_topic_sink(settings: Settings) -> OcsfTopicSink | None:
    """The sink of ``[sinks.ocsf_topic]``; None without the table."""
    found = table(settings, OcsfTopicSink.name, OcsfTopicTable)
    return None if found is None else OcsfTopicSink(found, settings)


class OcsfTopicSink:
    """One topic; keeps every promise of the protocol.

    Parameters
    ----------
    connect
        Gives a producer while its context is open.
    """

    name = "ocsf_topic"

    def __init__(
        self,
        own: OcsfTopicTable,
        settings: Settings,
        connect: Callable[[Settings], AbstractAsyncContextManager[Any]] = clients.producer,
    ) -> None:
        self.choice = self._own = own
        self._settings, self._connect = settings, connect
        self._networks = Networks(settings.sharing.network_files)
        self._stack = AsyncExitStack()
        self._producer: Any = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def deliver(self, alert: Alert) -> None:
        """Write the finding; raises as the protocol says."""
        if not self._own.takes(alert):
            return
        self._networks.refresh()
        value = orjson.dumps(finding(alert, self._networks))
        try:
            if self._producer is None:
                self._producer = await self._stack.enter_async_context(
                    self._connect(self._settings)
                )
            await self._producer.send_and_wait(
                self._own.topic, value, key=alert.campaign_id.encode()
            )
        except MessageSizeTooLargeError as error:
            raise BadRecord("too_large", f"topic {self._own.topic}: {error}") from error
        except KafkaError as error:
            raise RetryLater(f"topic {self._own.topic}: {type(error).__name__}") from error
