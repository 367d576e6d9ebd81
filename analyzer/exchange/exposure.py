"""What a campaign has taken, and whom an action would touch: figures for a decision."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from analyzer.core.contracts.event_time import DAY_S
from analyzer.exchange.case import Case
from analyzer.exchange.traffic import Traffic

DAY_MS = DAY_S * 1_000
UNSURE = 0.8
LISTED = 20
TRAPS = 5


class Amount(msgspec.Struct, frozen=True):
    """Requests and output tokens of one model, template or day."""

    name: str
    requests: int
    output_tokens: int


class Blast(msgspec.Struct, frozen=True):
    """Whom an action on all members would touch."""

    members: int
    organisations: int
    unsure: int
    """Members below 0.8: the first to spare."""
    median_age_days: float | None
    """Of the accounts whose creation is known, at their last request."""
    older_than_a_month: int


class Exposure(msgspec.Struct, frozen=True):
    """What was taken by a campaign's members, as far as it is known."""

    counted: bool
    """True if counted in the traffic itself; else only what alerts say, of their windows."""
    requests: int
    output_tokens: int
    prompts: int
    """Different prompts, of those with text or a hash."""
    before: Amount
    """Up to the first alert."""
    after: Amount
    by_model: list[Amount]
    by_template: list[Amount]
    by_day: list[Amount]
    blast: Blast
    marked_answers: list[str]
    """Accounts to serve marked answers to, if one wants proof: sure, and busiest lately."""


def exposure_of(case: Case, traffic: Traffic | None) -> Exposure:
    """The exposure of a campaign.

    Parameters
    ----------
    traffic
        The requests of its members; None if the sources are not at hand.
    """
    blast = _blast(case, traffic)
    if traffic is None:
        facts = case.told.campaign
        nothing = Amount("", 0, 0)
        return Exposure(
            False, facts.requests, facts.output_tokens, 0, nothing, nothing, [], [], [], blast,
            _marked(case, {m.account_id: m.last_event_ms for m in case.inside}),
        )  # fmt: skip
    rows = traffic.rows
    before = rows.ts_ms < case.alerts[0].detected_at_ms
    return Exposure(
        counted=True,
        requests=len(rows),
        output_tokens=int(rows.output_tokens.sum()),
        prompts=len(np.unique(rows.prompt[rows.prompt != 0])),
        before=_amount("before", rows.output_tokens[before]),
        after=_amount("after", rows.output_tokens[~before]),
        by_model=_by(rows.model, rows.output_tokens, lambda h: traffic.text("model", h)),
        by_template=_by(
            rows.template,
            rows.output_tokens,
            lambda h: traffic.text("template", h) or "no template",
        )[:LISTED],
        by_day=sorted(
            _by((rows.ts_ms // DAY_MS).astype(np.uint64), rows.output_tokens, _day),
            key=lambda amount: amount.name,
        ),
        blast=blast,
        marked_answers=_marked(case, _lately(traffic)),
    )


def _amount(name: str, tokens: NDArray[np.int64]) -> Amount:
    return Amount(name, len(tokens), int(tokens.sum()))


def _by(
    key: NDArray[np.uint64], tokens: NDArray[np.int64], name: Callable[[int], str]
) -> list[Amount]:
    """Amounts by what the key stands for, most output first."""
    keys, at = np.unique(key, return_inverse=True)
    total = np.zeros(len(keys), np.int64)
    np.add.at(total, at, tokens)
    count = np.bincount(at, minlength=len(keys))
    found = [
        Amount(name(k), int(n), int(t))
        for k, n, t in zip(keys.tolist(), count.tolist(), total.tolist(), strict=True)
    ]
    return sorted(found, key=lambda amount: (-amount.output_tokens, -amount.requests, amount.name))


def _day(number: int) -> str:
    return str(np.datetime64(number, "D"))


def _blast(case: Case, traffic: Traffic | None) -> Blast:
    ages = _ages(traffic) if traffic is not None else np.zeros(0)
    return Blast(
        members=len(case.inside),
        organisations=case.told.campaign.organisations,
        unsure=sum(member.membership < UNSURE for member in case.inside),
        median_age_days=round(float(np.median(ages)), 1) if len(ages) else None,
        older_than_a_month=int((ages > 30).sum()),
    )


def _ages(traffic: Traffic) -> NDArray[np.float64]:
    """Days from an account's creation to its last request, of those known."""
    rows = traffic.rows
    known = rows.created_ms >= 0
    accounts, at = np.unique(rows.account[known], return_inverse=True)
    created = np.full(len(accounts), np.iinfo(np.int64).max)
    last = np.zeros(len(accounts), np.int64)
    np.minimum.at(created, at, rows.created_ms[known])
    np.maximum.at(last, at, rows.ts_ms[known])
    return np.asarray((last - created) / DAY_MS)


def _lately(traffic: Traffic) -> dict[str, int]:
    """Requests of each account in the last day of the campaign."""
    rows = traffic.rows
    late = rows.ts_ms > rows.ts_ms.max(initial=0) - DAY_MS
    keys, count = np.unique(rows.account[late], return_counts=True)
    return {
        traffic.text("account", key): n
        for key, n in zip(keys.tolist(), count.tolist(), strict=True)
    }


def _marked(case: Case, busy: dict[str, int]) -> list[str]:
    sure: Iterable[str] = (m.account_id for m in case.inside if m.membership >= UNSURE)
    return sorted(sure, key=lambda name: (-busy.get(name, 0), name))[:TRAPS]
