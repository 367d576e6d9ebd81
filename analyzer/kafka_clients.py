"""How every client of ours reaches the broker."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, KafkaError
from faust.auth import Credentials, SASLCredentials, SSLCredentials

from analyzer.errors import RetryLater, UsageError
from analyzer.settings import Settings
from analyzer.settings_tables import Kafka

MAX_REQUEST_BYTES = 8 * 1_048_576
ISOLATION = "read_committed"
"""Records of a transaction that was aborted were never meant for anybody."""


def options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments that every aiokafka client takes."""
    kafka = settings.kafka
    found: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap,
        "security_protocol": kafka.security_protocol,
    }
    if kafka.security_protocol.endswith("SSL"):
        found["ssl_context"] = tls(kafka)
    if kafka.security_protocol.startswith("SASL"):
        found["sasl_mechanism"] = kafka.sasl_mechanism
        found["sasl_plain_username"] = kafka.sasl_username
        found["sasl_plain_password"] = _password(kafka)
    return found


def credentials(kafka: Kafka) -> Credentials | None:
    """The same for Faust, which drops a user name that stands in the broker's address."""
    context = tls(kafka) if kafka.security_protocol.endswith("SSL") else None
    if kafka.security_protocol.startswith("SASL"):
        return SASLCredentials(
            username=kafka.sasl_username,
            password=_password(kafka),
            mechanism=kafka.sasl_mechanism,
            ssl_context=context,
        )
    return SSLCredentials(context) if context else None


def tls(kafka: Kafka) -> ssl.SSLContext:
    """Context with the authorities and the certificate of the settings.

    Raises
    ------
    UsageError
        If one of the files can't be read.
    """
    try:
        context = ssl.create_default_context(cafile=kafka.ssl_cafile)
        if kafka.ssl_certfile:
            context.load_cert_chain(kafka.ssl_certfile, kafka.ssl_keyfile)
    except OSError as error:
        files = (kafka.ssl_cafile, kafka.ssl_certfile, kafka.ssl_keyfile)
        named = ", ".join(str(file) for file in files if file)
        raise UsageError(f"kafka.ssl_…file: no PEM that can be used in {named}: {error}") from error
    return context


def _password(kafka: Kafka) -> str | None:
    return kafka.sasl_password.get_secret_value() if kafka.sasl_password else None


@asynccontextmanager
async def admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """A connected admin client.

    Raises
    ------
    RetryLater
        If no broker answers.
    """
    client = AIOKafkaAdminClient(**options(settings), request_timeout_ms=15_000)
    try:
        await client.start()
        yield client
    except KafkaConnectionError as error:
        where = ",".join(settings.bootstrap)
        raise RetryLater(f"no broker answers at {where}, or lets us in: see above") from error
    finally:
        await client.close()


@asynccontextmanager
async def reader(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer outside every group, to read a partition from one end to the other."""
    client = AIOKafkaConsumer(
        **options(settings),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
        isolation_level=ISOLATION,
    )
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


@asynccontextmanager
async def producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    """A producer of its own, for tools and tests."""
    client = AIOKafkaProducer(
        **options(settings), acks="all", max_request_size=MAX_REQUEST_BYTES, compression_type="zstd"
    )
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


async def group_members(client: AIOKafkaAdminClient, group: str) -> dict[str, str]:
    """Client id of each member of a group, and where it runs; nothing if it can't be told."""
    try:
        return members_of(await client.describe_consumer_groups([group]))
    except KafkaError:  # the first group of a new broker, or none that we may see
        return {}


def members_of(answers: list[Any]) -> dict[str, str]:
    """The same, of what a broker answers; the embedded one does not tell who a member is."""
    return {
        client_id: str(host).lstrip("/")
        for answer in answers
        for _, _, _, _, _, members, *_ in answer.groups
        for _, client_id, host, *_ in members
        if client_id
    }


def foreign(members: dict[str, str], client_id: str) -> str:
    """The members with another client id than ours, as text; empty if there are none."""
    return ", ".join(
        f"{other} at {host}" for other, host in sorted(members.items()) if other != client_id
    )


__all__ = ["KafkaError", "admin", "credentials", "options", "producer", "reader", "tls"]
