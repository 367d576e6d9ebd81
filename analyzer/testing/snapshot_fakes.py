"""A snapshot partition in memory that compacts like Kafka, and fails on demand; for tests."""

from __future__ import annotations

from dataclasses import dataclass, field

from analyzer.stream.state.snapshots import Entry


class WriteFailedError(Exception):
    """The broker did not answer; some of the entries may have been written."""


@dataclass
class MemoryLog:
    """Keeps entries in their order; ``fail_after`` writes fail half way."""

    entries: list[Entry] = field(default_factory=list)
    fail_after: int | None = None

    async def read(self) -> list[Entry]:
        """All entries."""
        return list(self.entries)

    async def write(self, entries: list[Entry]) -> None:
        """Append, or stop in the middle."""
        for entry in entries:
            if self.fail_after is not None:
                if self.fail_after == 0:
                    raise WriteFailedError
                self.fail_after -= 1
            self.entries.append(entry)

    def compact(self) -> None:
        """Keep the last entry of each key and drop tombstones."""
        last = dict(self.entries)
        self.entries = [(key, value) for key, value in last.items() if value is not None]
