"""Which alerts of extraction are sure and large enough to be told: the last gate on the way out.

Everything before it is the same whatever its bounds are, so what comes here, once recorded, can be
judged again under other bounds without a replay::

    decided   opened .52   updated .71   updated .90   closed
    from .80                             opened .90    closed      the thread begins here

What is below waits for the next alert of its thread. Campaigns and members of a thread that was
never told are not told either. Other kinds are for information and pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from analyzer.core.config import CoreConfig
from analyzer.core.contracts.hashing import alert_id
from analyzer.core.contracts.records import Alert, AlertKind, Record

EXTRACTION: AlertKind = "extraction_campaign"


class Telling:
    """The gate, with what passed it.

    Parameters
    ----------
    config
        Its ``tell_confidence`` and ``tell_organisations`` are the bounds.
    """

    def __init__(self, config: CoreConfig) -> None:
        self._confidence, self._organisations = config.tell_confidence, config.tell_organisations
        self._told: dict[str, int] = {}
        """Alerts told of each thread."""
        self._extraction: set[str] = set()
        """Threads that were told to be extraction."""
        self._seen: Callable[[list[Record]], None] = lambda _: None

    def look_on(self, seen: Callable[[list[Record]], None]) -> None:
        """Have everything shown that comes here, whether it passes or not."""
        self._seen = seen

    def pass_on(self, records: list[Record]) -> list[Record]:
        """The records that are told, alerts numbered as people get them."""
        self._seen(records)
        return [told for record in records if (told := self._pass(record)) is not None]

    def _pass(self, record: Record) -> Record | None:
        id_ = record.campaign_id
        if not isinstance(record, Alert):
            return record if id_ in self._told else None
        if not self._may(record):
            return None
        if record.kind == EXTRACTION:
            self._extraction.add(id_)
        revision = self._told[id_] = self._told.get(id_, 0) + 1
        if revision == record.revision:
            return record
        activity = "opened" if revision == 1 else record.activity
        return replace(
            record, revision=revision, alert_id=alert_id(id_, revision), activity=activity
        )

    def _may(self, alert: Alert) -> bool:
        if alert.activity == "closed":
            return alert.campaign_id in self._told
        if alert.kind != EXTRACTION or alert.campaign_id in self._extraction:
            return True
        sure = alert.confidence >= self._confidence
        return sure and alert.campaign.organisations >= self._organisations

    def state(self) -> dict[str, Any]:
        """All of it as plain data."""
        return {"told": self._told, "extraction": sorted(self._extraction)}

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave."""
        self._told, self._extraction = dict(state["told"]), set(state["extraction"])


def judged_again(records: Iterable[Record], config: CoreConfig) -> list[Record]:
    """What would have been told of recorded decisions with this configuration.

    Parameters
    ----------
    records
        Everything that was decided, in its order.
    """
    told = Telling(config).pass_on(list(records))
    return [
        replace(r, provenance=replace(r.provenance, config_hash=config.config_hash))
        if isinstance(r, Alert)
        else r
        for r in told
    ]
