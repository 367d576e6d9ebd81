"""A broker and its one consumer group, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from faust.types import TP
from numpy.random import Generator

from analyzer.core.kernels.byte_strings import Texts
from analyzer.stream.transport.fetches import Records


@dataclass(frozen=True, slots=True)
class Entry:
    """One record; has the names that aiokafka's records have."""

    offset: int
    key: bytes | None
    value: bytes | None


@dataclass(slots=True)
class Log:
    """One partition."""

    entries: list[Entry] = field(default_factory=list)
    end: int = 0

    def append(self, key: bytes | None, value: bytes | None) -> None:
        """Write one record."""
        self.entries.append(Entry(self.end, key, value))
        self.end += 1

    def since(self, offset: int) -> list[Entry]:
        """What lies there from an offset on."""
        low = next((i for i, e in enumerate(self.entries) if e.offset >= offset), None)
        return [] if low is None else self.entries[low:]

    def compact(self) -> None:
        """Keep the last record of each key."""
        last = {entry.key: entry.offset for entry in self.entries}
        self.entries = [e for e in self.entries if last[e.key] == e.offset and e.value is not None]


@dataclass(slots=True)
class MemoryBroker:
    """Logs, committed offsets, and who has which partition in which generation."""

    rng: Generator
    topics: dict[str, str]
    """Id of each topic."""
    read: list[TP]
    """Partitions that the group shares out."""
    logs: dict[TP, Log] = field(default_factory=dict)
    committed: dict[TP, tuple[int, str]] = field(default_factory=dict)
    generation: int = 0
    shares: dict[int, set[TP]] = field(default_factory=dict)
    """Of each member that is in the group."""

    def log(self, tp: TP) -> Log:
        """One partition; made when it is first asked for."""
        return self.logs.setdefault(tp, Log())

    def rebalance(self, members: set[int]) -> None:
        """Share the partitions out among these members, by chance."""
        self.generation += 1
        self.shares = {member: set() for member in members}
        for tp in self.read if members else ():
            self.shares[int(self.rng.choice(sorted(members)))].add(tp)

    def remake(self, topic: str, topic_id: str) -> None:
        """Delete a topic and make it anew; Kafka drops the group's offsets with it."""
        self.topics[topic] = topic_id
        for tp in [tp for tp in self.logs if tp.topic == topic]:
            del self.logs[tp]
            self.committed.pop(tp, None)

    def fetch(self, tp: TP, start: int, most: int) -> Records | None:
        """Some records from an offset on; None if there are none."""
        found = self.log(tp).since(start)[:most]
        if not found:
            return None
        offsets = np.array([entry.offset for entry in found], np.int64)
        values = Texts.of(entry.value or b"" for entry in found)
        return Records(tp, start, int(offsets[-1]) + 1, values, offsets, np.full(len(found), 2**52))
