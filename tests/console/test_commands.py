"""``analyzer config`` and ``analyzer doctor``."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAuthorizationFailedError
from aiokafka.structs import OffsetAndMetadata

from analyzer import kafka_clients as clients
from analyzer.console.doctor import _topic
from analyzer.console.listing import MASK, as_json, as_toml, entries
from analyzer.core.config import CoreConfig
from analyzer.kafka_topics import NeededTopic, TopicConfig
from analyzer.settings import Settings
from analyzer.settings_tables import Kafka, Slack
from analyzer.stream.topics.catalog import prepare
from analyzer.testing import harness
from analyzer.testing.brokers import free_port
from analyzer.testing.sink_fakes import Answer, FakeSlack

if TYPE_CHECKING:
    from pathlib import Path

    from analyzer.testing.brokers import Broker

HIDDEN = "hunter2-7f3a"


def secretive() -> Settings:
    """Settings with every secret set."""
    return Settings(
        broker="kafka://host:9092",
        kafka=Kafka.model_validate({"sasl_password": HIDDEN}),
        slack=Slack.model_validate({"webhook_url": f"https://hooks.example/{HIDDEN}"}),
        core=CoreConfig(hash_key=HIDDEN, pane_s=60),
    )


def test_every_key_on_a_line_with_its_meaning() -> None:
    """The value, and behind it what it means."""
    settings = secretive()
    lines = as_toml(settings).splitlines()
    assert sum(" # " in line for line in lines) == len(entries(settings))
    [pane] = [line for line in lines if line.startswith("pane_s")]
    assert " ".join(pane.split()) == ("pane_s = 60 # length of a pane, in seconds of event time")


def test_the_listing_gives_the_same_settings(tmp_path: Path) -> None:
    """Saved to a file and loaded, all but the secrets is as before."""
    for settings in (Settings(broker=None), secretive()):
        file = tmp_path / "settings.toml"
        file.write_text(as_toml(settings), "utf-8")
        again = Settings.load(file)
        plain = {"kafka": {"sasl_password"}, "slack": {"webhook_url"}, "core": {"hash_key"}}
        assert again.model_dump(exclude=plain) == settings.model_dump(exclude=plain)


@pytest.mark.parametrize("form", [as_toml, as_json])
def test_secrets_are_masked(form: object) -> None:
    """Each of them shows that it is set, and no more."""
    assert callable(form)
    text = str(form(secretive()))
    assert HIDDEN not in text
    assert text.count(MASK) == 3


def test_json_by_key() -> None:
    """Value, description and whether somebody has set it."""
    found = orjson.loads(as_json(secretive()))
    assert found["core.pane_s"]["value"] == 60
    assert not found["core.pane_s"]["default"]
    assert found["shards"]["default"]


def test_config_refuses_what_the_others_refuse(tmp_path: Path) -> None:
    """Exit 2 with the key's name."""
    file = tmp_path / "settings.toml"
    file.write_text("[core]\npane = 1\n", "utf-8")
    line = [sys.executable, "-m", "analyzer", "config", "--config", str(file)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "core.pane: no such setting" in done.stderr


def test_the_doctor_without_a_broker() -> None:
    """Exit 1, and both what is wrong and what to try."""
    done = harness.run(Settings(broker=f"kafka://127.0.0.1:{free_port()}"), "doctor")
    assert done.returncode == 1
    assert "problem  no broker answers at 127.0.0.1:" in done.stdout
    assert "kafka.security_protocol" in done.stdout
    assert "Traceback" not in done.stderr


def test_the_doctor_names_a_missing_permission() -> None:
    """What the broker forbids, and what to allow."""
    row = {"topic": "t", "error_code": TopicAuthorizationFailedError.errno, "partitions": []}
    [finding] = _topic(NeededTopic("t", 1, "shards"), row, TopicConfig())
    assert not finding.ok
    assert "allow this user Describe, Read and Write on the topic" in finding.do


@pytest.mark.integration
def test_the_doctor_and_the_topics(command: Any, broker: Broker) -> None:
    """Missing, then created, then another number of partitions than the settings ask for."""
    name = uuid.uuid4().hex[:8]
    settings = Settings(broker=broker.url, app_id=name, topics=harness.own_topics(name, 2))
    missing = command("doctor", settings=settings)
    assert missing.returncode == 1
    assert f"problem  topic {name}.alerts is missing" in missing.stdout
    assert "analyzer worker --create-topics" in missing.stdout
    harness.create_topics(settings)
    harness.produce(settings, [(None, b"{}")])
    well = command("doctor", settings=settings)
    assert well.returncode == 0, well.stdout
    assert f"ok       topic {name}.requests, 2 partitions" in well.stdout
    assert f"ok       the newest record of {name}.requests fits this clock" in well.stdout
    other = command("doctor", settings=settings.model_copy(update={"shards": 3}))
    assert other.returncode == 1
    assert (
        f"problem  topic {name}.account has 4 partitions but the settings ask for 3" in other.stdout
    )
    assert "set shards to 4" in other.stdout


@pytest.mark.parametrize(
    ("status", "body", "word"),
    [
        (404, "no_service", "does not know the webhook"),
        (403, "invalid_token", "does not know"),
        (400, "user_not_found", "does not know"),
        (500, "rollup_error", "not able now"),
        (400, "no_text", ""),
    ],
)
def test_the_doctor_asks_slack_and_posts_nothing(
    command: Any, status: int, body: str, word: str
) -> None:
    """What it says, and that no message with a text was posted."""

    async def main() -> tuple[dict[str, object], list[dict[str, object]]]:
        async with FakeSlack() as slack:
            if body != "no_text":
                slack.always = Answer(status, body=body)
            settings = Settings(
                broker=f"kafka://127.0.0.1:{free_port()}",
                slack=Slack.model_validate({"webhook_url": slack.url}),
            )
            done = await asyncio.to_thread(command, "doctor", "--json", settings=settings)
            assert done.returncode == 1  # there is no broker
            assert slack.url not in done.stdout + done.stderr
            assert len(slack.attempts) == 1
            return orjson.loads(done.stdout)["findings"][-1], slack.accepted

    finding, accepted = asyncio.run(main())
    assert accepted == []
    assert finding["ok"] == (body == "no_text")
    assert word in str(finding["what"])


def test_the_doctor_posts_when_told(command: Any) -> None:
    """One message, that calls nobody."""

    async def main() -> list[dict[str, object]]:
        async with FakeSlack() as slack:
            settings = Settings(
                broker=f"kafka://127.0.0.1:{free_port()}",
                slack=Slack.model_validate({"webhook_url": slack.url}),
            )
            done = await asyncio.to_thread(command, "doctor", "--send", settings=settings)
            assert "Slack has taken a test message" in done.stdout
            return slack.accepted

    assert len(asyncio.run(main())) == 1


@pytest.mark.integration
def test_the_doctor_sees_what_a_worker_would_stumble_over(
    command: Any, apache_broker: Broker
) -> None:
    """Records deleted before they were read, offsets set by hand, a clean-up policy, a limit."""
    name = uuid.uuid4().hex[:8]
    settings = Settings(broker=apache_broker.url, app_id=name, topics=harness.own_topics(name, 3))
    harness.create_topics(settings)
    for partition in range(3):
        harness.produce(settings, [(None, b"{}")] * 10, partition=partition)
    topic = settings.topics.requests

    async def spoil() -> None:
        options = clients.options(settings) | {"group_id": name}
        ids = prepare(settings, create=False)
        topic_id = (await ids).ids[topic]
        async with AIOKafkaConsumer(**options, enable_auto_commit=False) as client:
            tps = [TopicPartition(topic, n) for n in range(3)]
            client.assign(tps)
            marks = [f"0 {topic_id}", "", f"0 {'a' * 32}"]
            await client.commit(
                {tp: OffsetAndMetadata(3, mark) for tp, mark in zip(tps, marks, strict=True)}
            )
        async with clients.admin(settings) as admin:
            await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(5)})
            await admin.alter_configs(
                [
                    ConfigResource(ConfigResourceType.TOPIC, settings.topics.account, change)
                    for change in [{"cleanup.policy": "compact", "max.message.bytes": "9999"}]
                ]
            )

    asyncio.run(spoil())
    done = command("doctor", "--json", settings=settings)
    assert done.returncode == 1
    wrong = [f["what"] for f in orjson.loads(done.stdout)["findings"] if not f["ok"]]
    for says in (
        "the broker has deleted offsets 3 to 5 before they were read",
        f"{topic}/1: offset 3 was not committed by a worker",
        f"{topic}/2: the topic was deleted and created anew",
        "has cleanup.policy compact, needed is delete",
        "takes messages of at most 9999 bytes",
    ):
        assert any(says in what for what in wrong), (says, wrong)
