"""How the worker reaches the broker: the clients that every shell shares."""

from analyzer.clients import (
    MAX_REQUEST_BYTES,
    KafkaError,
    admin,
    credentials,
    options,
    producer,
    reader,
    tls,
)

__all__ = [
    "MAX_REQUEST_BYTES",
    "KafkaError",
    "admin",
    "credentials",
    "options",
    "producer",
    "reader",
    "tls",
]
