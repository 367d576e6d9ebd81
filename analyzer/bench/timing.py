"""What one process measures of itself."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass, field

import msgspec


class Run(msgspec.Struct, frozen=True):
    """One entry's figures."""

    name: str
    events: int
    seconds: float
    events_per_s: float
    cpu_us_per_event: float
    """User and system time of the entry's process alone."""
    extra: dict[str, float] = {}


@dataclass(slots=True)
class Stopwatch:
    """Wall clock and processor time since :meth:`start`."""

    _wall: float = field(default=0.0)
    _cpu: float = field(default=0.0)

    def start(self) -> None:
        """Begin; a second call begins anew."""
        self._wall, self._cpu = time.perf_counter(), spent_cpu_s()

    def run(self, name: str, events: int, **extra: float) -> Run:
        """The figures so far."""
        seconds, cpu_s = time.perf_counter() - self._wall, spent_cpu_s() - self._cpu
        return Run(
            name,
            events,
            round(seconds, 3),
            round(events / seconds, 1),
            round(cpu_s / events * 1e6, 3),
            extra,
        )


def spent_cpu_s(whose: int = resource.RUSAGE_SELF) -> float:
    """User and system time so far, of this process or of its children that have ended."""
    used = resource.getrusage(whose)
    return used.ru_utime + used.ru_stime


def tell(run: Run) -> None:
    """Print the figures as the last line of standard output, for the process that waits."""
    print(msgspec.json.encode(run).decode(), flush=True)  # noqa: T201 - it is the result
