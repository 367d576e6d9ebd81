"""The figures as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.bench.detection.judge import Outcome
from analyzer.bench.detection.summary import Row, Summary

HEAD = (
    f"{'campaigns':<26}{'n':>4}  {'recall':<22}{'united':<22}{'leak (median)':<22}"
    f"{'account recall':<22}{'fragments':<22}"
)


def line(outcome: Outcome) -> str:
    """One run on one line."""
    found = sum(verdict.found for verdict in outcome.campaigns)
    leaks = " ".join(f"{v.leak:.3f}" if v.leak is not None else "-" for v in outcome.campaigns)
    return (
        f"{outcome.scenario:<22}{outcome.seed:>5}{outcome.requests:>10,} requests  "
        f"found {found}/{len(outcome.campaigns)}  leak {leaks or '-'}  false {len(outcome.false)}"
    )


def tell(summary: Summary) -> Iterator[str]:
    """All figures of a set of runs, line by line."""
    yield (
        f"{summary.runs} runs, {summary.requests:,} requests, "
        f"{summary.benign_requests:,} of them benign; 95 % intervals"
    )
    yield HEAD
    for title, rows in (
        ("family", summary.families),
        ("size", summary.sizes),
        ("blocks", summary.blocks),
    ):
        yield from (_row(f"{title} {name}", row) for name, row in rows.items())
    yield _row("all", summary.total)
    yield f"{'false per million benign':<32}{summary.false_per_million}"
    for name, figure in summary.false_by_lookalike.items():
        yield f"{'  of ' + name:<32}{figure}  ({figure.cases})"
    for name, n in summary.false_by_scenario.items():
        yield f"{'  in ' + name:<32}{n}"
    yield f"{'account precision':<32}{summary.account_precision}"
    yield (
        f"{'pools mistyped as extraction':<32}{summary.mistyped_pools}"
        f"  (of {summary.mistyped_pools.cases})"
    )


def _row(name: str, row: Row) -> str:
    return (
        f"{name:<26}{row.recall.cases:>4}  {row.recall!s:<22}{row.united!s:<22}{row.leak!s:<22}"
        f"{row.account_recall!s:<22}{row.fragments!s:<22}"
    )


def ablation(summaries: dict[str, Summary]) -> Iterator[str]:
    """Recall by family of campaigns (columns), with one family of signals left out (rows)."""
    columns = sorted({name for summary in summaries.values() for name in summary.families})
    yield f"{'without':<18}{'all':>6}{'false/M':>9}" + "".join(
        f"{name[:11]:>12}" for name in columns
    )
    for dropped, summary in summaries.items():
        cells = (summary.families[name].recall.value or 0.0 for name in columns)
        yield (
            f"{dropped or '(as shipped)':<18}{summary.total.recall.value or 0:>6.2f}"
            f"{summary.false_per_million.value or 0:>9.2f}"
            + "".join(f"{cell:>12.2f}" for cell in cells)
        )
