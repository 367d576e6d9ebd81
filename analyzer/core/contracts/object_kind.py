"""Kinds of objects that organisations can share; their numbers travel and never change."""

from __future__ import annotations

from enum import IntEnum


class Kind(IntEnum):
    """What an organisation can share with others."""

    TEMPLATE = 1
    BLOCK = 2
    PAYMENT = 3
    TLS = 4
    AGENT = 5
    MODEL = 6
    PARAMS = 7
    GRAPH = 8
    """No single object: a group that a graph of pairs joins."""
    ACCOUNT = 9
    """No object at all: one organisation by itself."""
    ASN = 10
    FAILURE = 11
    """How requests failed: shown to people, linked by nothing."""
