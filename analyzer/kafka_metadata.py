"""What the broker knows of topics: the id that it gave each, and how many partitions it has.

A topic deleted and created anew has another id, and an offset saved for the first means nothing
for the second. aiokafka speaks Metadata up to version 5; ids come with version 10, written out
here. Asking creates no topic.

References
----------
Apache Kafka protocol guide, Metadata API (key 3) version 10; KIP-516, topic identifiers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, TypeVar

from aiokafka import AIOKafkaClient
from aiokafka.errors import (
    IncompatibleBrokerVersion,
    KafkaError,
    UnknownTopicOrPartitionError,
)
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
    UnsignedVarInt32,
)

NO_ID = "0" * 32
_UNKNOWN = UnknownTopicOrPartitionError.errno


class _Uuid(AbstractType[bytes]):  # type: ignore[misc] # aiokafka is untyped
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(16)


_TEXT = CompactString("utf-8")
_TAGS = ("tags", TaggedFields)
_NODES = CompactArray(Int32)


_HEAD = (
    ("throttle_time_ms", Int32),
    (
        "brokers",
        CompactArray(("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT), _TAGS),
    ),
    ("cluster_id", _TEXT),
    ("controller_id", Int32),
)


class _MetadataResponse(Response):  # type: ignore[misc] # as above
    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        *_HEAD,
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", _TEXT),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", _NODES),
                        ("isr", _NODES),
                        ("offline", _NODES),
                        _TAGS,
                    ),
                ),
                ("authorized_operations", Int32),
                _TAGS,
            ),
        ),
        ("cluster_authorized_operations", Int32),
        _TAGS,
    )


class _FirstTopic(AbstractType[tuple[int, bytes]]):  # type: ignore[misc] # as above
    """Error and id of the first topic; what comes after it is not read."""

    @classmethod
    def decode(cls, data: BytesIO) -> tuple[int, bytes]:
        UnsignedVarInt32.decode(data)
        error = Int16.decode(data)
        _TEXT.decode(data)
        return error, _Uuid.decode(data)


class _IdResponse(_MetadataResponse):
    SCHEMA = Schema(*_HEAD, ("topic", _FirstTopic))


class _MetadataRequestV10(RequestStruct):  # type: ignore[misc] # as above
    API_KEY = 3
    API_VERSION = 10
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("topic", _TEXT), _TAGS)),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        _TAGS,
    )


class _IdRequestV10(_MetadataRequestV10):
    RESPONSE_TYPE = _IdResponse


_T = TypeVar("_T", bound=_MetadataRequestV10)


def _of_topics(kind: type[_T], names: list[str]) -> _T:
    """A request about topics by their names, which creates none."""
    topics: list[tuple[bytes, str, dict[int, bytes]]]
    topics = [(bytes(16), name, {}) for name in names]
    return kind(topics, False, False, False, {})


class _MetadataRequest(Request[_MetadataRequestV10]):  # type: ignore[misc] # as above
    API_KEY = 3

    def __init__(self, topics: list[str]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[_MetadataRequestV10]) -> _MetadataRequestV10:
        return _of_topics(request_struct_class, self._topics)


class _IdRequest(Request[_IdRequestV10]):  # type: ignore[misc] # as above
    API_KEY = 3

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def build(self, request_struct_class: type[_IdRequestV10]) -> _IdRequestV10:
        return _of_topics(request_struct_class, [self._topic])


@dataclass(frozen=True, slots=True)
class TopicState:
    """One topic as the broker shows it."""

    id: str
    """32 hexadecimal digits; ``NO_ID`` where the broker gives none."""
    partitions: int
    """0: there is no such topic."""


async def topic_states(client: AIOKafkaClient, topics: Iterable[str]) -> dict[str, TopicState]:
    """Each topic that the broker told of; nothing if it does not speak so.

    Raises
    ------
    KafkaError
        If the broker does not answer.
    """
    names = list(topics)
    try:
        response: Any = await client.send(client.get_random_node(), _MetadataRequest(names))
    except (IncompatibleBrokerVersion, NotImplementedError):
        return {}
    return {
        name: TopicState(id_.hex(), 0 if error == _UNKNOWN else len(partitions))
        for error, name, id_, _, partitions, *_ in response.topics
        if error in {0, _UNKNOWN}
    }


async def topic_id_at(client: AIOKafkaClient, node: int, topic: str) -> str:
    """Id of a topic as this broker has it; empty if the broker has no such topic.

    Costs the same however many partitions there are.

    Raises
    ------
    KafkaError
        If the broker does not answer.
    """
    response: Any = await client.send(node, _IdRequest(topic))
    error, id_ = response.topic
    return "" if error else id_.hex()


async def topic_ids(client: AIOKafkaClient, topics: list[str]) -> dict[str, str]:
    """Id of each topic as 32 hexadecimal digits; ``NO_ID`` where the broker gives none."""
    ids = dict.fromkeys(topics, NO_ID)
    try:
        found = await topic_states(client, topics)
    except KafkaError:
        return ids
    return ids | {name: state.id for name, state in found.items()}
