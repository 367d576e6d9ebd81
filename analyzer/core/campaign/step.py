"""Step 4, exactly one: judged cohorts become campaigns, alerts and members."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from analyzer.core.campaign.baseline import Baseline
from analyzer.core.campaign.campaign_state import Campaign
from analyzer.core.campaign.decision import Judged, judge
from analyzer.core.campaign.feedback.rules import Judgements
from analyzer.core.campaign.findings import Finding, findings
from analyzer.core.campaign.inside import look_inside
from analyzer.core.campaign.linker import MERGE_S, Linker, Registry
from analyzer.core.campaign.membership import unite_moved, update_members
from analyzer.core.campaign.models.kind_learner import KindLearner
from analyzer.core.campaign.models.kind_model import KindModel
from analyzer.core.campaign.publish import Publisher
from analyzer.core.campaign.reading import Reader
from analyzer.core.campaign.telling import Telling
from analyzer.core.cohort.catalog import NAMES, in_order
from analyzer.core.cohort.fusion import Fusion
from analyzer.core.cohort.models.anomaly import AnomalyModel
from analyzer.core.cohort.window import Window
from analyzer.core.cohort.window_feed import WindowFeed
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import CohortBlock, PaneBlock, from_plain, to_plain
from analyzer.core.contracts.calibration import Calibration, strata_of
from analyzer.core.contracts.cohort_columns import FACTS, CohortColumns, concat_cohorts
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.feedback import FeedbackBlock
from analyzer.core.contracts.gate import Gate
from analyzer.core.contracts.hashing import in_turn
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.contracts.records import Alert, AlertKind, Record, ShadowAlert
from analyzer.core.contracts.snapshot_codec import pack, restoring, unpack
from analyzer.core.contracts.step import StepOutput, labelled
from analyzer.core.kernels.hash_index import HashIndex

STATE_VERSION = 17
SHADOWED = "shadow_campaigns_open"
LEARNED = 64
"""Cohorts of a pane that the anomaly model learns from: enough to know what is usual."""
UNDER_ALERT = 0.2
"""Share of its members in open campaigns from which a cohort is not learned from."""


class CampaignStep:
    """Decides; the only step that speaks to the outside.

    Linking and measuring need what organisations do elsewhere, so the step counts the panes of
    all account shards as the cohort shards do, or looks on at a cohort shard's windows in the
    same process.

    Parameters
    ----------
    sources
        Number of cohort shards; a window is decided once all have sent its cohorts.
    account_shards
        Number of account shards.
    """

    def __init__(self, config: CoreConfig, *, sources: int, account_shards: int = 1) -> None:
        self.config = config
        self._gate = Gate(sources)
        self._ready = 0
        self._waiting: list[CohortColumns] = []
        self._windows = WindowFeed(config, sources=account_shards)
        self._looks_on = False
        self._fusion = Fusion.shipped()
        self.judgements = Judgements()
        self.registry = Registry(config)
        self._kinds = KindLearner(KindModel.shipped())
        self._baseline = Baseline(config.calibration or Calibration.shipped())
        self.reader = Reader(config, self._kinds, self._baseline)
        self._publisher = Publisher(config, self._fusion, self.judgements, self._kinds)
        self._anomaly = AnomalyModel(config.seed)
        self.telling = Telling(config)
        self._shadow: CampaignStep | None = None

    def shadow(self, config: CoreConfig) -> None:
        """Judge by a second configuration too, on the same cohorts and windows.

        It may differ in what this step alone decides by: ``alert_threshold``, ``fdr``, and what
        is told when. Its alerts come as :class:`ShadowAlert`, behind those of the first.
        """
        self._shadow = CampaignStep(config, sources=1)
        self._shadow.look_on(self._windows)

    def look_on(self, windows: WindowFeed) -> None:
        """Look on at the windows of the one cohort shard, which is in the same process.

        Its blocks must be fed one by one, each while the windows stand at its end; panes are
        passed over then.
        """
        self._windows, self._looks_on = windows, True

    @property
    def campaigns(self) -> list[Campaign]:
        """All that is known of campaigns, open or closed."""
        return list(self.registry.campaigns.values())

    def orgs_named(self, accounts: Iterable[str]) -> NDArray[np.uint64]:
        """Organisations of the accounts of these names, as far as they are known."""
        population = self._windows.population
        rows = [population.accounts_named(name) for name in accounts]
        orgs = population.accounts["org"][np.concatenate([*rows, np.zeros(0, np.int32)])]
        return np.asarray(population.orgs["key"][orgs], np.uint64)

    def feed(self, block: CohortBlock | PaneBlock) -> StepOutput[Record]:
        """Take the judged cohorts of one shard, or panes; records in the order they are sent."""
        if isinstance(block, PaneBlock):
            if self._looks_on:
                return StepOutput()
            self._windows.take(block)
        elif not self._keep(block):
            return StepOutput()
        before = Counter(self._publisher.suppressed)
        records = [record for pane in self._ends() for record in self._decide_on_all(pane)]
        counts = labelled("suppressed", self._publisher.suppressed - before)
        return StepOutput(records, counts=counts, levels=self.levels())

    def _keep(self, block: CohortBlock) -> bool:
        """Keep what is new of the block until it is decided on; False if nothing is."""
        first = self._gate.take(block.source, block.start, block.stop)
        if first is None:
            return False
        rows = block.rows.take((block.rows.pane >= first) & (block.rows.pane < block.stop))
        if len(rows.pane):
            self._waiting.append(_in_order(rows, block.signals))
        opened = self._gate.opened()
        self._ready = opened[1] if opened is not None else self._ready
        return True

    def levels(self, name: str = "campaigns_open") -> dict[tuple[str, str], int]:
        """Campaigns that were spoken of and are open, by kind."""
        found = Counter(c.state.kind for c in self.campaigns if c.is_open and c.state.revision)
        levels = {(name, kind): found[kind] for kind in get_args(AlertKind)}
        return levels if self._shadow is None else levels | self._shadow.levels(SHADOWED)

    def heard(self, source: str) -> int:
        """How far a source of feedback was taken; 0 if nothing of it was."""
        return self.judgements.inbox.stops.get(source, 0)

    def _ends(self) -> Iterator[int]:
        """Ends of windows that all cohorts are here for; the windows stand at each."""
        if self._looks_on:
            if self._ready == self._windows.stands_at:
                yield self._ready
            return
        stop = min(self._ready, self._windows.ready)
        if stop > self._windows.done:
            yield from self._windows.advance(stop)

    def feed_feedback(self, block: FeedbackBlock) -> None:
        """Take what people said; it takes effect in event time, see :mod:`.feedback.queue`."""
        self.judgements.take(block)
        if self._shadow is not None:
            self._shadow.feed_feedback(block)

    def _decide_on_all(self, pane: int) -> list[Record]:
        """Decide at the end of the pane before ``pane``, by each configuration."""
        if not self._windows.warm or not self._windows.due(pane):
            return []
        rows = concat_cohorts(self._waiting)
        self._waiting = [later] if len((later := rows.take(rows.pane >= pane)).pane) else []
        now = rows.take(rows.pane == pane - 1)
        records = self.decide(pane, now)
        if self._shadow is not None:
            others = self._shadow.decide(pane, now)
            records += [ShadowAlert(*structs.astuple(r)) for r in others if isinstance(r, Alert)]
        return records

    def decide(self, pane: int, now: CohortColumns) -> list[Record]:
        """What is told of the cohorts that end here."""
        due = self._windows.due(pane)
        view = max(
            (w for w in due if w.length_s <= DAY_S), key=lambda w: w.length_s, default=due[0]
        )
        now_ms = pane * self.config.pane_ms
        for campaign, true in self.judgements.enter(now_ms, self.registry, view):
            self._kinds.learn_one(campaign.state.readings.values(), true=true)
        found = self._judge(now)
        self._link(view, found, pane)
        self.registry.expire(pane - 1)
        self.reader.read(self.registry, due, pane - 1)
        look_inside(self.registry, due)
        return self.telling.pass_on(self._publisher.publish(self.registry, view, pane - 1, due))

    def _judge(self, rows: CohortColumns) -> list[Finding]:
        """What is found among the cohorts that end here; the innocent are learned from."""
        if not len(rows.pane):
            return []
        outside = self.judgements.outside(rows, self.registry)
        judged = judge(rows, outside, self._fusion, self._baseline, self.config)
        found = self._found(rows, judged)
        self._learn_usual(rows, judged)
        return found

    def _found(self, rows: CohortColumns, judged: Judged) -> list[Finding]:
        """What was found and may count, surest first."""
        name_of = self._windows.population.object_name
        anomaly = self._strange(rows, judged)
        found = findings(rows, judged, anomaly, self.registry.is_old, name_of)
        return [finding for f in found if (finding := self.judgements.admit(f)) is not None]

    def _link(self, view: Window, found: list[Finding], pane: int) -> None:
        groups = [f for f in found if f.cohort_kind != Kind.ACCOUNT]
        merges = view.length_s >= MERGE_S
        if groups or (merges and self.registry.open()):
            linker = Linker(self.registry, view, groups)
            if founded := linker.link():
                linker = Linker(self.registry, view, [])
                linker.unite(founded)
            if merges:
                update_members(self.registry, linker, pane, self.judgements.barred())
                unite_moved(self.registry)
        for finding in found:
            if finding.cohort_kind == Kind.ACCOUNT:
                self.registry.take_account(finding)

    def _strange(self, rows: CohortColumns, judged: Judged) -> list[float | None]:
        """Anomaly score of what was found; then some of all cohorts are learned, by hash.

        The model sees one window length, in canonical order.
        """
        anomaly: list[float | None] = [None] * len(rows.pane)
        order = _canonical(rows)
        alone = rows.kind == Kind.ACCOUNT
        for row in np.flatnonzero(judged.found & alone).tolist():
            anomaly[row] = float(rows.facts[row, FACTS.index("anomaly")])
        of_day = (rows.window_s == DAY_S) & ~alone
        strange = np.flatnonzero(judged.found & of_day)
        for row, score in zip(
            strange.tolist(), self._anomaly.score(rows.features[strange]), strict=True
        ):
            anomaly[row] = score
        days = order[of_day[order]]
        if len(days):
            turn = in_turn(rows.object[days], int(rows.pane[0]))
            some = np.argsort(turn, kind="stable")[:LEARNED]
            self._anomaly.learn(rows.features[days[np.sort(some)]])
        return anomaly

    def _learn_usual(self, rows: CohortColumns, judged: Judged) -> None:
        """Take in who is no suspect and has hardly a member in an open campaign."""
        inside = rows.share_of_members(HashIndex(self.registry.held()).find(rows.member_org) >= 0)
        innocent = ~judged.suspect & (rows.kind != Kind.ACCOUNT) & (inside < UNDER_ALERT)
        order = _canonical(rows)
        order = order[innocent[order]]
        self._baseline.learn(strata_of(rows)[order], rows.features[order], judged.suspicion[order])

    def snapshot(self) -> bytes:
        """All state as bytes."""
        shadow = self._shadow
        return pack(
            "campaign",
            STATE_VERSION,
            {
                "gate": self._gate.state(),
                "ready": self._ready,
                "signals": list(NAMES),
                "waiting": [to_plain(rows) for rows in self._waiting],
                "windows": None if self._looks_on else self._windows.state(),
                **self.decided(),
                "shadow": shadow and [shadow.config.config_hash, shadow.decided()],
            },
        )

    def decided(self) -> dict[str, Any]:
        """What has come of the cohorts so far, as plain data."""
        return {
            "registry": self.registry.state(),
            "kinds": self._kinds.state(),
            "baseline": self._baseline.state(),
            "anomaly": self._anomaly.snapshot(),
            "judgements": self.judgements.state(),
            "telling": self.telling.state(),
        }

    @restoring("campaign")
    def restore(self, data: bytes) -> None:
        """Put back what :meth:`snapshot` gave.

        Raises
        ------
        StateError
            If the bytes are damaged or of another version.
        """
        state = unpack("campaign", STATE_VERSION, data)
        self._gate.restore(state["gate"])
        self._ready = state["ready"]
        self._waiting = [
            _in_order(from_plain(rows, CohortColumns), state["signals"])
            for rows in state["waiting"]
        ]
        if state["windows"] is not None:
            self._windows.restore(state["windows"])
        self.go_on(state)
        if self._shadow is not None:
            made_by, own = state["shadow"] or [None, state]
            # A new one goes on from what the first has found so far.
            self._shadow.go_on(own if made_by == self._shadow.config.config_hash else state)

    def go_on(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`decided` gave."""
        self.registry.restore(state["registry"])
        self._kinds.restore(state["kinds"])
        self._baseline.restore(state["baseline"])
        self._anomaly.restore(state["anomaly"])
        self.judgements.restore(state["judgements"])
        self.telling.restore(state["telling"])


def _in_order(rows: CohortColumns, signals: Sequence[str]) -> CohortColumns:
    """Cohorts that a worker of another version may have judged, by the signals of this one."""
    return replace(rows, features=in_order(rows.features, signals))


def _canonical(rows: CohortColumns) -> NDArray[np.intp]:
    """An order of the cohorts that does not depend on which shard sent them."""
    return np.lexsort((rows.newcomers, rows.window_s, rows.object, rows.kind))
