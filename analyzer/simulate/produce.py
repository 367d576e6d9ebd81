"""Streaming a world to the request topic of a broker, in the order of arrival."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError

from analyzer.errors import RetryLater
from analyzer.settings import Settings

if TYPE_CHECKING:
    from analyzer.settings import Kafka
    from analyzer.simulate.world import World

_AT_ONCE = 2_000


async def produce(world: World, broker: str, rate: float | None) -> None:
    """Send every event, keyed by account.

    Parameters
    ----------
    world
        What to send.
    broker
        ``kafka://HOST:PORT[,HOST:PORT]``.
    rate
        Events per second; as fast as the broker takes them if ``None``.

    Raises
    ------
    RetryLater
        If the broker can't be reached or refuses the events.
    """
    settings = Settings.load()
    settings = settings.model_validate({**settings.model_dump(), "broker": broker})
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.bootstrap,
        linger_ms=20,
        max_batch_size=1 << 18,
        **_security(settings.kafka),
    )
    try:
        await producer.start()
    except KafkaConnectionError as error:
        raise RetryLater(f"no broker at {broker}: {error}") from error
    try:
        await _send(producer, settings.topics.requests, world, rate)
    except KafkaError as error:
        raise RetryLater(f"{settings.topics.requests}: {error!r}") from error
    finally:
        await producer.stop()


async def _send(producer: AIOKafkaProducer, topic: str, world: World, rate: float | None) -> None:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    step = _AT_ONCE if rate is None else max(1, min(_AT_ONCE, int(rate / 20)))
    sent = None
    for at, (key, line) in enumerate(world.keyed_lines()):
        if at % step == 0 and at:
            if sent is not None and rate is None:
                await asyncio.sleep(0)
            elif rate is not None:
                await asyncio.sleep(max(0.0, began_s + at / rate - loop.time()))
        sent = await producer.send(topic, value=line, key=key)
    await producer.flush()


def _security(kafka: Kafka) -> dict[str, Any]:
    """What aiokafka calls the settings of the connection."""
    options: dict[str, Any] = {"security_protocol": kafka.security_protocol}
    if kafka.security_protocol.endswith("SSL"):
        context = ssl.create_default_context(cafile=kafka.ssl_cafile)
        if kafka.ssl_certfile is not None:
            context.load_cert_chain(kafka.ssl_certfile, kafka.ssl_keyfile)
        options["ssl_context"] = context
    if kafka.security_protocol.startswith("SASL"):
        password = kafka.sasl_password
        options |= {
            "sasl_mechanism": kafka.sasl_mechanism,
            "sasl_plain_username": kafka.sasl_username,
            "sasl_plain_password": password.get_secret_value() if password else None,
        }
    return options
