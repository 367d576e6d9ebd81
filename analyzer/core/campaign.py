"""Step 4, exactly one: judged cohorts become campaigns, alerts and members."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from analyzer.core.alerts import Record
from analyzer.core.blocks import CohortBlock, Seen, from_plain, to_plain
from analyzer.core.book import Book
from analyzer.core.catalog import NAMES
from analyzer.core.cohorts import DAY_S
from analyzer.core.config import CoreConfig
from analyzer.core.evidence import Fusion
from analyzer.core.feedback import FeedbackBlock
from analyzer.core.findings import findings
from analyzer.core.judgements import Judgements
from analyzer.core.models.strangeness import Strangeness
from analyzer.core.publish import Publisher
from analyzer.core.state import pack, unpack
from analyzer.core.tables import FACTS, CohortColumns, Kind, concat_cohorts

STATE_VERSION = 2


class CampaignStep:
    """Decides; the only step that speaks to the outside.

    Parameters
    ----------
    sources
        Number of cohort shards; a pane is decided once all have sent it.
    """

    def __init__(self, config: CoreConfig, *, sources: int) -> None:
        self._config = config
        self._sources = sources
        self._seen = Seen()
        self._waiting: list[CohortColumns] = []
        self._done = 0
        self._fusion = Fusion.shipped()
        self.judgements = Judgements()
        self._publisher = Publisher(config, self._fusion, self.judgements)
        self._book = Book(config)
        self._strangeness = Strangeness(config.seed)
        self._usual_sum = np.zeros(len(NAMES))
        self._usual_count = np.zeros(len(NAMES))

    @property
    def suppressed(self) -> Counter[str]:
        """Alerts that this process did not send, by reason."""
        return self._publisher.suppressed

    @property
    def campaigns_open(self) -> Counter[str]:
        """Campaigns that were spoken of and are open, by kind."""
        files = self._book.files.values()
        return Counter(file.kind for file in files if file.revision and file.state == "open")

    def feed(self, block: CohortBlock) -> list[Record]:
        """Take the judged cohorts of one shard; records in the order they are to be sent."""
        first = self._seen.first_new(block.source, block.start, block.stop)
        if first is None:
            return []
        rows = block.rows.take((block.rows.pane >= first) & (block.rows.pane < block.stop))
        if len(rows.pane):
            self._waiting.append(rows)
        if len(self._seen.stops) < self._sources:
            return []
        stop = min(self._seen.stops.values())
        if stop <= self._done:
            return []
        self._done = stop
        return self._decide(stop)

    def feed_feedback(self, block: FeedbackBlock) -> None:
        """Take what people said; :mod:`analyzer.core.inbox` tells when it takes effect."""
        self.judgements.take(block)

    def _decide(self, stop: int) -> list[Record]:
        rows = concat_cohorts(self._waiting)
        self._waiting = [rows.take(rows.pane >= stop)]
        records: list[Record] = []
        for pane in np.unique(rows.pane[rows.pane < stop]).tolist():
            now = rows.take(rows.pane == pane)
            self._learn_usual(now)
            strange = self._learn_strange(now)
            self.judgements.enter((pane + 1) * self._config.pane_ms, self._book)
            outside = self.judgements.outside(now, self._book)
            for found in findings(now, strange, self._fusion, self._config, outside):
                if (finding := self.judgements.admit(found)) is not None:
                    self.judgements.keep(self._book.take(finding), finding)
            self._book.unite()
            self._book.expire(pane)
            records += self._publisher.publish(self._book, pane, self._usual())
        return records

    def _learn_strange(self, rows: CohortColumns) -> list[float | None]:
        """Strangeness of each cohort; the model sees one window length, in canonical order."""
        strange: list[float | None] = [None] * len(rows.pane)
        for row in _canonical(rows).tolist():
            if rows.kind[row] == Kind.ACCOUNT:
                strange[row] = float(rows.facts[row, FACTS.index("strangeness")])
            elif rows.window_s[row] == DAY_S:
                strange[row] = self._strangeness.score_one(rows.features[row])
                self._strangeness.learn_one(rows.features[row])
        return strange

    def _learn_usual(self, rows: CohortColumns) -> None:
        """Running mean of each signal over all cohorts that are no hit."""
        features = rows.features[_canonical(rows)]
        ordinary = self._fusion.score(features) < self._config.alert_threshold
        known = ~np.isnan(features) & ordinary[:, None]
        self._usual_sum += np.where(known, features, 0.0).sum(axis=0)
        self._usual_count += known.sum(axis=0)

    def _usual(self) -> list[float]:
        usual: list[float] = (self._usual_sum / np.maximum(self._usual_count, 1)).tolist()
        return usual

    def snapshot(self) -> bytes:
        """All state as bytes."""
        return pack(
            "campaign",
            STATE_VERSION,
            {
                "seen": self._seen.stops,
                "waiting": [to_plain(rows) for rows in self._waiting],
                "done": self._done,
                "book": self._book.state(),
                "usual": [self._usual_sum, self._usual_count],
                "strangeness": self._strangeness.snapshot(),
                "judgements": self.judgements.state(),
            },
        )

    def restore(self, data: bytes) -> None:
        """Put back what :meth:`snapshot` gave.

        Raises
        ------
        StateError
            If the bytes are damaged or of another version.
        """
        state = unpack("campaign", STATE_VERSION, data)
        self._seen = Seen(state["seen"])
        self._waiting = [from_plain(rows, CohortColumns) for rows in state["waiting"]]
        self._done = state["done"]
        self._book = Book(self._config)
        self._book.restore(state["book"])
        self._usual_sum, self._usual_count = state["usual"]
        self._strangeness.restore(state["strangeness"])
        self.judgements.restore(state["judgements"])


def _canonical(rows: CohortColumns) -> NDArray[np.intp]:
    """An order of the cohorts that does not depend on which shard sent them."""
    return np.lexsort((rows.newcomers, rows.window_s, rows.object, rows.kind))
