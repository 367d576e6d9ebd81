"""Bounds tried on recorded decisions: what each would have found, and what falsely.

A thread is true if at least half of its members are labelled. It counts in the part of time in
which it was first decided, so that nothing is tuned and validated on one campaign::

    ──────── tuned on ────────│──── validated on ────
      ●thread a      ●thread b│   ●thread c
            └── its later alerts ──┘ count for a, in the first part
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from analyzer.core.campaign.telling import EXTRACTION
from analyzer.core.contracts.records import Alert, Member, Record

MOST_STEPS = 40
HALF = 0.5


class Bounds(msgspec.Struct, frozen=True, order=True):
    """What is tuned: from how sure and how large on extraction is told."""

    tell_confidence: float
    tell_organisations: int


class Thread(msgspec.Struct, frozen=True):
    """All alerts of extraction of one campaign, told or not."""

    campaign_id: str
    steps: list[tuple[int, float, int, int, int]]
    """Time, confidence, organisations, members and labelled members, alert by alert."""

    @property
    def begins_ms(self) -> int:
        """Time of the first."""
        return self.steps[0][0]

    def told_at(self, bounds: Bounds) -> tuple[int, float, int, int, int] | None:
        """The first alert that the bounds let pass."""
        for step in self.steps:
            if step[1] >= bounds.tell_confidence and step[2] >= bounds.tell_organisations:
                return step
        return None


class Outcome(msgspec.Struct, frozen=True):
    """What bounds give on a part of time."""

    bounds: Bounds
    found: int
    """Labelled accounts in true threads that were told, each once, as of the last alert."""
    labelled: int
    """Labelled accounts in any thread of that part: what bounds can find at best."""
    true_campaigns: int
    false_campaigns: int
    false_per_million: float
    """False campaigns in a million requests."""
    late_h: float
    """Mean hours from the first decision on a true thread until it is told."""


def threads_of(records: Iterable[Record], labelled: frozenset[str]) -> list[Thread]:
    """Threads of extraction, each alert with the members that it names."""
    found: dict[str, list[tuple[int, float, int, int, int]]] = {}
    members: dict[str, set[str]] = {}
    open_: Alert | None = None
    for record in records:
        if isinstance(record, Alert):
            open_ = record
        elif isinstance(record, Member):
            inside = members.setdefault(record.campaign_id, set())
            (inside.add if record.state == "member" else inside.discard)(record.account_id)
        elif open_ is not None:
            _add(found, open_, members.get(open_.campaign_id, set()), labelled)
            open_ = None
    return [Thread(id_, steps) for id_, steps in found.items()]


def _add(
    found: dict[str, list[tuple[int, float, int, int, int]]],
    alert: Alert,
    members: set[str],
    labelled: frozenset[str],
) -> None:
    if alert.kind == EXTRACTION and alert.activity != "closed":
        sizes = alert.campaign.organisations, len(members), len(members & labelled)
        step = (alert.detected_at_ms, alert.confidence, *sizes)
        found.setdefault(alert.campaign_id, []).append(step)


def outcome(threads: list[Thread], bounds: Bounds, requests: float) -> Outcome:
    """What these bounds give on these threads.

    Parameters
    ----------
    requests
        In the part of time that the threads are of.
    """
    found = true = false = 0
    late_ms = 0
    for thread in threads:
        if (step := thread.told_at(bounds)) is None:
            continue
        if _is_true(thread):
            true += 1
            found += thread.steps[-1][4]
            late_ms += step[0] - thread.begins_ms
        else:
            false += 1
    return Outcome(
        bounds=bounds,
        found=found,
        labelled=sum(thread.steps[-1][4] for thread in threads if _is_true(thread)),
        true_campaigns=true,
        false_campaigns=false,
        false_per_million=round(1e6 * false / max(1.0, requests), 3),
        late_h=round(late_ms / max(1, true) / 3_600_000, 2),
    )


def _is_true(thread: Thread) -> bool:
    *_, members, labelled = thread.steps[-1]
    return labelled >= HALF * members > 0


def candidates(threads: list[Thread]) -> list[Bounds]:
    """Bounds worth trying: every figure that was decided on, thinned out, and none."""
    sure = _thinned({0.0, *(step[1] for thread in threads for step in thread.steps)})
    size = _thinned({0, *(step[2] for thread in threads for step in thread.steps)})
    return [Bounds(c, int(n)) for c in sure for n in size]


def _thinned(values: set[float] | set[int]) -> list[float]:
    ordered = sorted(values)
    if len(ordered) <= MOST_STEPS:
        return ordered
    step = (len(ordered) - 1) / (MOST_STEPS - 1)
    return [ordered[round(i * step)] for i in range(MOST_STEPS)]


def best(outcomes: list[Outcome], budget: float) -> Outcome:
    """Most found within the budget, soonest, by the loosest bounds; the least false if none is."""
    within = [o for o in outcomes if o.false_per_million <= budget]
    if not within:
        return min(outcomes, key=lambda o: (o.false_per_million, -o.found, o.late_h, o.bounds))
    return min(within, key=lambda o: (-o.found, o.late_h, o.false_campaigns, o.bounds))
