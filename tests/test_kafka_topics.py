"""What a topic must be like: each setting of the broker that would lose or stop something."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.kafka_topics import TopicConfig, complaints
from analyzer.settings import Settings
from analyzer.stream.topics.catalog import wanted

TOPICS = {topic.name: topic for topic in wanted(Settings())}
NAMES = sorted(TOPICS)


@pytest.mark.parametrize("name", NAMES)
def test_what_we_create_is_as_it_must_be(name: str) -> None:
    """--create-topics makes no topic that a worker then refuses."""
    topic = TOPICS[name]
    assert list(complaints(topic.needed, topic.create_with, TopicConfig(topic.config))) == []


@given(st.sampled_from(NAMES), st.sampled_from(["compact", "delete", "compact,delete"]))
def test_another_clean_up_policy_is_told(name: str, policy: str) -> None:
    """Vital for what is read or saved; each complaint names the topic and the command."""
    topic = TOPICS[name]
    found = list(
        complaints(topic.needed, topic.create_with, TopicConfig({"cleanup.policy": policy}))
    )
    assert len(found) == (policy != topic.config["cleanup.policy"])
    for complaint in found:
        assert name in complaint.what
        assert f"--entity-name {name} --add-config cleanup.policy=" in complaint.do
        assert complaint.vital == topic.vital
        assert complaint.loses == (name == "llm.requests")


@given(st.sampled_from(NAMES), st.integers(0, 2_000_000))
def test_a_limit_below_what_we_write_is_told(name: str, limit: int) -> None:
    """Before the first block or page that would be refused."""
    topic = TOPICS[name]
    config = TopicConfig({"max.message.bytes": str(limit)})
    found = list(complaints(topic.needed, topic.create_with, config))
    assert len(found) == (limit < topic.message_bytes)
    assert all(complaint.vital for complaint in found)


@given(st.sampled_from(NAMES), st.integers(0, 4), st.integers(1, 4))
def test_a_topic_that_takes_no_write_is_told(name: str, copies: int, least: int) -> None:
    """Before the first alert, which may come weeks after the start."""
    topic = TOPICS[name]
    config = TopicConfig({"min.insync.replicas": str(least)})
    found = list(complaints(topic.needed, topic.create_with, config, copies))
    assert len(found) == (topic.message_bytes > 0 and 0 < copies < least)
    assert all(complaint.vital and name in complaint.what for complaint in found)


@given(st.sampled_from(NAMES), st.integers(1, 9))
def test_another_number_of_partitions_is_told(name: str, partitions: int) -> None:
    """Where it matters; a topic that was made by accident has one."""
    topic = TOPICS[name]
    found = list(complaints(topic.needed, partitions, TopicConfig()))
    assert len(found) == (topic.partitions not in {0, partitions})


def test_a_topic_that_forgets_within_a_day_is_told() -> None:
    """But stops nobody."""
    [found] = complaints(TOPICS["llm.requests"].needed, 4, TopicConfig({"retention.ms": "3600000"}))
    assert "keeps records for 1 h" in found.what
    assert not found.vital


@given(st.sampled_from(NAMES), st.integers(-1, 2**40))
def test_a_topic_that_forgets_by_size_is_told(name: str, size: int) -> None:
    """Of those that a worker must have read before; it stops nobody."""
    topic = TOPICS[name]
    found = list(
        complaints(topic.needed, topic.create_with, TopicConfig({"retention.bytes": f"{size}"}))
    )
    assert len(found) == (size >= 0 and topic.needed.is_read_once)
    assert not any(complaint.vital for complaint in found)
    assert all("retention.bytes=-1" in complaint.do for complaint in found)
