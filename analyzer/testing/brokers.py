"""Brokers to try things on: the embedded one in memory, and Apache Kafka, one node or several.

All listen on the loopback interface alone, on free ports, and are gone when the context
ends.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from analyzer.ops.embedded_broker import (
    HOST,
    Broker,
    embedded,
    free_port,
    running,
    wait_until_ready,
)

__all__ = (
    "HOST", "Broker", "address", "any_broker", "apache", "apache_jars", "apache_nodes", "embedded",
    "free_port",
)  # fmt: skip

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
            (Path(folder) / f"{node}").mkdir()
            for name, content in _blank_log(jars, node).items():
                (Path(folder) / f"{node}" / name).write_bytes(content)
            command = [*java[:1], HEAP, *java[1:], "kafka.Kafka", str(config)]
            process = running("Apache Kafka", command, f"{HOST}:{port}")
            brokers.append(stack.enter_context(process))
        for broker in brokers:
            wait_until_ready(broker, nodes=count)
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


@functools.cache
def _blank_log(jars: Path, node: int) -> dict[str, bytes]:
    """The files of a node's log that is still empty: making them takes a JVM more than a second."""
    with tempfile.TemporaryDirectory(prefix="analyzer-kafka-") as folder:
        config, data = Path(folder) / "properties", Path(folder) / "data"
        text = PROPERTIES.format(
            host=HOST, node=node, port=1, controller=2, voters=f"{node}@{HOST}:2",
            nodes=1, majority=1, data=data, more="",
        )  # fmt: skip
        config.write_text(text, "utf-8")
        line = ["java", "-cp", f"{jars}/*", "kafka.tools.StorageTool", "format"]
        line += ["-t", _cluster_id(), "-c", str(config)]
        subprocess.run(line, check=True, capture_output=True)  # noqa: S603 - our own command line
        return {file.name: file.read_bytes() for file in data.iterdir() if file.is_file()}


@functools.cache
def _cluster_id() -> str:
    text = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    return "A" + text[1:]  # a leading dash would be taken for an option
