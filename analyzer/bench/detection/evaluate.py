"""``analyzer evaluate``: how a replay's alerts fare against labels.

The unit is the thread (a campaign id with all that was merged into it), since the alerts of one
thread stand and fall together.

* Labels of ``analyzer simulate``: a thread is true by the rules of
  :mod:`analyzer.bench.detection.judge`; a reseller's pool is, if half of its members are in a
  pool. Linked accounts are not judged, nor is a campaign that is seen as a pool.
* Verdicts in ``feedback.v1``: a thread is what the latest verdict on its campaign says or, if
  there is none, what the verdicts on its members say, with half of them true at least. What has
  no verdict is not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec
import numpy as np

from analyzer.bench.detection.figures import Figure, share
from analyzer.bench.detection.judge import CampaignVerdict, Thread, judge, roots_of, threads_of
from analyzer.bench.detection.truth import Operation, Truth, truth_in
from analyzer.core.cohort.fusion import STRONG
from analyzer.core.contracts.decode import UNREADABLE
from analyzer.core.contracts.feedback import BENIGN, POSITIVE, Feedback
from analyzer.core.contracts.records import Alert, Campaign, Member, Record
from analyzer.errors import UsageError
from analyzer.replay.feedback import read_feedback
from analyzer.replay.report import read, read_summary
from analyzer.settings import Settings
from analyzer.simulate.world import CampaignLabel, Labels

Judge = Callable[[Thread], bool | None]
"""Whether a thread is true; None if the labels don't tell."""


class SignalRow(msgspec.Struct, frozen=True):
    """One signal."""

    precision: Figure
    """Share of true ones among the judged threads in which it was strong."""
    lift: float | None
    """That over the precision of all judged threads; None if either is unknown."""


class Evaluation(msgspec.Struct, frozen=True):
    """All figures; intervals are Wilson's, 95 %."""

    threads: int
    judged: int
    precision: Figure
    """Of accusing threads: extraction at severity medium or above."""
    nominal_fdr: float | None
    """``core.fdr`` of the run: what share of the discoveries may be false; None if not told."""
    realised_fdr: Figure
    """What share of the accusing threads was."""
    kinds: dict[str, Figure]
    """Precision of the threads of each kind, whatever their severity."""
    signals: dict[str, SignalRow]
    """Over all judged threads; a signal is strong from 0.35 on, in any alert of the thread."""
    recall: Figure
    account_recall: Figure
    """Over the accounts of all campaigns that the labels list."""
    campaigns: list[CampaignVerdict]
    """Each campaign that the labels list."""


def evaluate_folder(folder: Path, labels: Path) -> Evaluation:
    """The figures of what ``analyzer replay`` wrote to a folder."""
    truth = read_labels(labels)
    records: list[Record] = [
        *read(folder, "alerts", Alert),
        *read(folder, "campaigns", Campaign),
        *read(folder, "members", Member),
    ]
    return measure(records, truth, nominal_fdr=read_summary(folder).get("fdr"))


def read_labels(path: Path) -> Truth | list[Feedback]:
    """The truth as a simulation tells it, or what people said.

    Raises
    ------
    UsageError
        If the file is neither.
    """
    try:
        data = path.read_bytes()
        if b'"campaigns":' not in data:
            said = read_feedback(path, Settings.load().core.max_record_bytes)
            if not said:
                raise UsageError(f"{path}: no label, for there is nothing in it")
            return said
        return truth_in(msgspec.json.decode(data, type=Labels), _operation)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; give a file of labels") from error
    except UNREADABLE as error:
        raise UsageError(f"{path}: not as `analyzer simulate` writes labels: {error}") from error


def _operation(campaign: CampaignLabel) -> Operation:
    """A campaign without the times of its requests, which only the world itself knows."""
    accounts = frozenset(campaign["accounts"])
    return Operation(campaign["id"], campaign["family"], accounts, np.zeros(0, np.int64), 0.0)


def measure(
    records: Iterable[Record], truth: Truth | list[Feedback], *, nominal_fdr: float | None = None
) -> Evaluation:
    """All figures of a run."""
    kept = list(records)
    threads = threads_of(kept)
    told = _by_truth(truth) if isinstance(truth, Truth) else _by_verdicts(truth, roots_of(kept))
    verdicts = [(thread, true) for thread in threads if (true := told(thread)) is not None]
    accusing = [true for thread, true in verdicts if thread.accusations]
    kinds = sorted({thread.alerts[-1].kind for thread, _ in verdicts})
    campaigns = judge(kept, truth).campaigns if isinstance(truth, Truth) else []
    accounts = sum(campaign.accounts for campaign in campaigns)
    named = round(sum(campaign.accounts * campaign.account_recall for campaign in campaigns))
    return Evaluation(
        threads=len(threads),
        judged=len(verdicts),
        precision=share(sum(accusing), len(accusing)),
        nominal_fdr=nominal_fdr,
        realised_fdr=share(len(accusing) - sum(accusing), len(accusing)),
        kinds={
            kind: _precision(true for thread, true in verdicts if thread.alerts[-1].kind == kind)
            for kind in kinds
        },
        signals=_signals(verdicts),
        recall=share(sum(campaign.found for campaign in campaigns), len(campaigns)),
        account_recall=share(named, accounts),
        campaigns=campaigns,
    )


def _by_truth(truth: Truth) -> Judge:
    guilty = frozenset[str]().union(*(operation.accounts for operation in truth.operations))
    pools = frozenset[str]().union(*truth.pools.values())

    def told(thread: Thread) -> bool | None:
        if thread.accusations:
            return thread.share_of(guilty) >= 0.5
        if thread.alerts[-1].kind != "reseller_pool" or thread.share_of(guilty) >= 0.5:
            return None
        return thread.share_of(pools) >= 0.5

    return told


def _by_verdicts(said: list[Feedback], roots: dict[str, str]) -> Judge:
    """Later verdicts replace earlier ones; a merged campaign's is its root's."""
    latest: dict[tuple[str, str], bool] = {}
    for label in sorted(said, key=lambda label: (label.created_ms, label.feedback_id)):
        if label.action == "label" and label.verdict in POSITIVE | BENIGN:
            target = roots.get(label.target.id, label.target.id)
            latest[label.target.type, target] = label.verdict in POSITIVE

    def told(thread: Thread) -> bool | None:
        if (verdict := latest.get(("campaign", thread.id))) is not None:
            return verdict
        members = [latest[key] for name in thread.members if (key := ("account", name)) in latest]
        return sum(members) >= 0.5 * len(members) if members else None

    return told


def _precision(verdicts: Iterable[bool]) -> Figure:
    kept = list(verdicts)
    return share(sum(kept), len(kept))


def _signals(verdicts: list[tuple[Thread, bool]]) -> dict[str, SignalRow]:
    """Every signal that was ever strong, the most telling first."""
    base = _precision(true for _, true in verdicts).value
    strong: dict[str, list[bool]] = {}
    for thread, true in verdicts:
        readings = (r for alert in thread.alerts for r in alert.signals if r.value >= STRONG)
        for name in {reading.name for reading in readings}:
            strong.setdefault(name, []).append(true)
    rows = {}
    for name, cases in strong.items():
        figure = _precision(cases)
        rows[name] = SignalRow(figure, (figure.value or 0.0) / base if base else None)
    order = sorted(rows, key=lambda name: (-(rows[name].precision.low or 0.0), name))
    return {name: rows[name] for name in order}


def tell(found: Evaluation) -> Iterator[str]:
    """The figures as lines for a terminal."""
    yield f"{found.judged} of {found.threads} threads judged; 95 % intervals"
    yield f"{'precision of accusations':<28}{_cases(found.precision)}"
    yield f"{'false discovery rate':<28}{_cases(found.realised_fdr)}  nominal {found.nominal_fdr}"
    for kind, figure in found.kinds.items():
        yield f"{'  ' + kind:<28}{_cases(figure)}"
    yield f"{'recall of campaigns':<28}{_cases(found.recall)}"
    yield f"{'recall of accounts':<28}{_cases(found.account_recall)}"
    if found.signals:
        yield f"{'where the signal is strong':<28}{'precision':<24}{'of':>5}{'lift':>7}"
    for name, row in found.signals.items():
        lift = "-" if row.lift is None else f"{row.lift:.2f}"
        yield f"{'  ' + name:<28}{row.precision!s:<24}{row.precision.cases:>5}{lift:>7}"


def _cases(figure: Figure) -> str:
    return f"{figure!s:<24}{figure.cases:>5}" if figure.cases else "-"
