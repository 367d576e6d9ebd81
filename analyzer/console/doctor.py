"""What the doctor looks at: broker, topics, groups, clocks, Slack. It changes nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, for_code

from analyzer import kafka_clients as clients
from analyzer.console.doctor_progress import progress
from analyzer.console.finding import Finding
from analyzer.errors import RetryLater, UsageError
from analyzer.formatting import span
from analyzer.kafka_topics import NeededTopic, TopicConfig, complaints, copies_in, topic_configs

if TYPE_CHECKING:
    from aiokafka.admin import AIOKafkaAdminClient

    from analyzer.settings import Settings

CREATE = "run `analyzer worker --create-topics`, which leaves the others alone"
SKEW_S = 60.0
"""Clocks further apart than this are worth a word, in seconds."""
QUIET_S = 3_600.0


AskSink = Callable[[], Awaitable[Finding]]
"""Asks where alerts go whether it would take one."""


async def examine(
    settings: Settings, needed: list[NeededTopic], ask: AskSink | None = None
) -> list[Finding]:
    """All findings, in the order in which they should be dealt with.

    Parameters
    ----------
    ask
        Asks Slack; None if it is not set.
    """
    try:
        async with clients.admin(settings) as admin:
            findings = [Finding(ok=True, what=f"broker {_where(settings)} answers")]
            findings += await _topics(admin, needed)
            findings += await _groups(admin, settings)
            findings += await _members(admin, settings)
            findings += await progress(admin, settings, needed)
        there = findings[0].ok and _exists(settings, findings)
        findings += [await _clock(settings)] if there else []
    except UsageError as error:
        findings = [Finding(ok=False, what=str(error))]
    except RetryLater as error:
        findings = [Finding(ok=False, what=str(error), do=_unreachable(settings))]
    except (KafkaError, OSError) as error:
        findings = [Finding(ok=False, what=_named(error), do=_denied(error))]
    return [*findings, await ask() if ask else _slack(settings)]


def _where(settings: Settings) -> str:
    return ",".join(settings.bootstrap)


def _unreachable(settings: Settings) -> str:
    protocol = settings.kafka.security_protocol
    return (
        "is it started, is the address right (broker), does a firewall stand between, and does "
        f"it speak {protocol} there (kafka.security_protocol)?"
    )


async def _topics(admin: AIOKafkaAdminClient, needed: list[NeededTopic]) -> list[Finding]:
    there = set(await admin.list_topics())
    names = [t.name for t in needed if t.name in there]
    found = {row["topic"]: row for row in await admin.describe_topics(names)}
    configs = await topic_configs(admin, names)
    return [
        finding
        for topic in needed
        for finding in _topic(topic, found.get(topic.name), configs.get(topic.name, TopicConfig()))
    ]


def _topic(topic: NeededTopic, row: dict[str, Any] | None, config: TopicConfig) -> list[Finding]:
    if row is None:
        return [Finding(ok=False, what=f"topic {topic.name} is missing", do=CREATE)]
    if row["error_code"]:
        error = for_code(row["error_code"])()
        return [Finding(ok=False, what=f"topic {topic.name}: {_named(error)}", do=_denied(error))]
    count = len(row["partitions"])
    found = complaints(topic, count, config, copies_in(row))
    wrong = [Finding(ok=False, what=c.what, do=c.do) for c in found]
    return wrong or [Finding(ok=True, what=f"topic {topic.name}, {count} partitions")]


def _exists(settings: Settings, findings: list[Finding]) -> bool:
    missing = f"topic {settings.topics.requests} is missing"
    return all(finding.what != missing for finding in findings)


async def _groups(admin: AIOKafkaAdminClient, settings: Settings) -> list[Finding]:
    """Whether offsets may be read; of one partition, for not every broker can list them all."""
    reads = {
        settings.app_id: settings.topics.requests,
        f"{settings.app_id}-notify": settings.topics.alerts,
    }
    return [await _group(admin, name, TopicPartition(t, 0)) for name, t in reads.items()]


async def _group(admin: AIOKafkaAdminClient, name: str, tp: TopicPartition) -> Finding:
    try:
        offsets = await admin.list_consumer_group_offsets(name, partitions=[tp])
    except KafkaError as error:
        return Finding(ok=False, what=f"group {name}: {_named(error)}", do=_denied(error))
    begun = tp in offsets and offsets[tp].offset >= 0
    state = f"has read from {tp.topic}" if begun else f"has read nothing from {tp.topic} yet"
    return Finding(ok=True, what=f"group {name} {state}")


async def _members(admin: AIOKafkaAdminClient, settings: Settings) -> list[Finding]:
    """Whether all workers of the group have the settings that the doctor sees."""
    members = await clients.group_members(admin, settings.app_id)
    other = clients.foreign(members, settings.client_id)
    if not other:
        return []
    return [
        Finding(
            ok=False,
            what=f"workers of group {settings.app_id} run with other settings than these ({other}; "
            f"here {settings.client_id})",
            do="make the settings of all workers equal; compare `analyzer config`",
        )
    ]


async def _clock(settings: Settings) -> Finding:
    """The newest record's timestamp beside our clock."""
    newest_ms = await _newest_ms(settings)
    topic = settings.topics.requests
    if newest_ms is None:
        return Finding(ok=True, what=f"clocks can't be compared: {topic} is empty")
    ahead_s = newest_ms / 1_000 - dt.datetime.now(dt.UTC).timestamp()
    if ahead_s > SKEW_S:
        return Finding(
            ok=False,
            what=f"the newest record of {topic} is {span(ahead_s)} ahead of this clock",
            do="set the clocks of this machine, the brokers and the producers by NTP",
        )
    late = f"; nothing has come for {span(-ahead_s)}" if -ahead_s > QUIET_S else ""
    return Finding(ok=True, what=f"the newest record of {topic} fits this clock{late}")


async def _newest_ms(settings: Settings) -> int | None:
    topic = settings.topics.requests
    found: list[int] = []
    async with clients.reader(settings) as reader:
        await reader._client.add_topic(topic)  # noqa: SLF001 - partitions before a subscription
        tps = [TopicPartition(topic, p) for p in reader.partitions_for_topic(topic) or ()]
        reader.assign(tps)
        ends = await reader.end_offsets(tps)
        starts = await reader.beginning_offsets(tps)
        for tp in tps:
            if ends[tp] > starts[tp]:
                reader.seek(tp, ends[tp] - 1)
                records = await reader.getmany(tp, timeout_ms=2_000, max_records=1)
                found += [record.timestamp for record in records.get(tp, [])]
    return max(found, default=None)


def _slack(settings: Settings) -> Finding:
    least = settings.slack.min_severity
    if settings.slack.webhook_url is None:
        return Finding(
            ok=True,
            what=f"no Slack webhook: `analyzer notify` shows alerts from {least} on the terminal",
            do="set slack.webhook_url (or slack.webhook_url_file) to send them to a channel",
        )
    return Finding(ok=True, what=f"Slack webhook is set; alerts from {least} on are sent")


def _named(error: BaseException) -> str:
    """The error's own words; aiokafka's classes say more than their texts."""
    return f"{type(error).__name__} {error}".strip()


def _denied(error: BaseException) -> str:
    name = type(error).__name__
    if "TopicAuthorization" in name:
        return "allow this user Describe, Read and Write on the topic"
    if "GroupAuthorization" in name:
        return "allow this user Describe and Read on the group"
    if "ClusterAuthorization" in name:
        return "allow this user Describe on the cluster"
    if "Sasl" in name or "Authentication" in name or "SASL" in str(error):
        return "check kafka.sasl_mechanism, kafka.sasl_username and kafka.sasl_password"
    return "check the settings under [kafka]; the broker's log says more"
