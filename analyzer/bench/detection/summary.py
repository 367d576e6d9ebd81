"""From the outcomes of all runs to the figures of the yardstick."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

import msgspec

from analyzer.bench.detection.figures import Figure, mean, median, rate, share
from analyzer.bench.detection.judge import CampaignVerdict, Outcome

MILLION = 1e6
SIZES = ((0, 60, "under 60"), (60, 120, "60-119"), (120, 250, "120-249"), (250, 10**9, "250+"))


class Row(msgspec.Struct, frozen=True):
    """Figures of one group of campaigns."""

    recall: Figure
    united: Figure
    """Recall if a thread that took several campaigns for one counts for each."""
    leak: Figure
    """Median over the campaigns found."""
    account_recall: Figure
    """Mean over the campaigns found."""
    fragments: Figure
    """Mean over the campaigns found."""


class Summary(msgspec.Struct, frozen=True):
    """All figures of a set of runs."""

    runs: int
    requests: int
    benign_requests: int
    total: Row
    families: dict[str, Row]
    sizes: dict[str, Row]
    blocks: dict[str, Row]
    """Operations whose blocks are shared with innocent customers, and those that own theirs."""
    false_per_million: Figure
    false_by_lookalike: dict[str, Figure]
    false_by_scenario: dict[str, int]
    account_precision: Figure
    mistyped_pools: Figure


def summarise(outcomes: list[Outcome]) -> Summary:
    """The figures over these runs."""
    campaigns = [verdict for outcome in outcomes for verdict in outcome.campaigns]
    millions = sum(outcome.benign_requests for outcome in outcomes) / MILLION
    false = [(outcome.scenario, alarm) for outcome in outcomes for alarm in outcome.false]
    kinds = Counter(alarm.lookalike for _, alarm in false)
    return Summary(
        runs=len(outcomes),
        requests=sum(outcome.requests for outcome in outcomes),
        benign_requests=sum(outcome.benign_requests for outcome in outcomes),
        total=_row(campaigns),
        families=_rows(campaigns, lambda verdict: verdict.family),
        sizes=_rows(campaigns, _size),
        blocks=_rows(campaigns, lambda verdict: "shared" if verdict.shared_blocks else "own"),
        false_per_million=rate(len(false), millions),
        false_by_lookalike={kind: rate(n, millions) for kind, n in sorted(kinds.items())},
        false_by_scenario=dict(sorted(Counter(scenario for scenario, _ in false).items())),
        account_precision=share(sum(o.rightly for o in outcomes), sum(o.accused for o in outcomes)),
        mistyped_pools=share(
            sum(o.mistyped_pools for o in outcomes), sum(o.pools for o in outcomes)
        ),
    )


def _rows(
    campaigns: Iterable[CampaignVerdict], group: Callable[[CampaignVerdict], str]
) -> dict[str, Row]:
    groups: defaultdict[str, list[CampaignVerdict]] = defaultdict(list)
    for verdict in campaigns:
        groups[group(verdict)].append(verdict)
    return {name: _row(groups[name]) for name in sorted(groups)}


def _row(campaigns: list[CampaignVerdict]) -> Row:
    found = [verdict for verdict in campaigns if verdict.found]
    return Row(
        recall=share(len(found), len(campaigns)),
        united=share(sum(verdict.united for verdict in campaigns), len(campaigns)),
        leak=median([verdict.leak for verdict in found if verdict.leak is not None]),
        account_recall=mean([verdict.account_recall for verdict in found]),
        fragments=mean([float(verdict.fragments) for verdict in found]),
    )


def _size(verdict: CampaignVerdict) -> str:
    return next(name for low, high, name in SIZES if low <= verdict.accounts < high)
