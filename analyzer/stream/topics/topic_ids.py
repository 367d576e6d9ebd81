"""Ids of topics; see :mod:`analyzer.kafka_metadata`."""

from __future__ import annotations

from analyzer.kafka_metadata import NO_ID, topic_ids

__all__ = ["NO_ID", "topic_ids"]
