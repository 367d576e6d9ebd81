"""``analyzer doctor --sample``: what is read of the first records of a file or topic."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec

from analyzer.core.contracts.decode import decode_event
from analyzer.core.contracts.request_event import RequestEvent
from analyzer.errors import BadRecord
from analyzer.formats.blindness import READ, blind
from analyzer.formats.draft import REQUIRED
from analyzer.formats.protocol import PassedOver
from analyzer.formats.reader import Reader
from analyzer.formats.values import is_own
from analyzer.replay.opening import open_sources
from analyzer.settings import Settings

RECORDS = 100
_FIELDS = msgspec.structs.fields(RequestEvent)


@dataclass(slots=True)
class Sample:
    """What the first records gave."""

    records: int = 0
    events: int = 0
    formats: Counter[str] = field(default_factory=Counter)
    filled: Counter[str] = field(default_factory=Counter)
    """Events that have each field."""
    values: dict[str, Counter[str]] = field(
        default_factory=lambda: {"account_id": Counter(), "org_id": Counter()}
    )
    own: int = 0
    """Events whose address is one of a private network."""
    passed_over: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    """By reason and detail."""

    @property
    def empty(self) -> list[str]:
        """Optional fields that no event has, those that the analysis reads first."""
        never = [f.name for f in _FIELDS if not f.required and not self.filled[f.name]]
        never = [name for name in never if name != "schema_version"]
        return sorted(never, key=lambda name: (name not in READ, name))

    @property
    def blind(self) -> list[str]:
        """Signals that see nothing of traffic like this."""
        return blind(self.empty)


def sample(place: str, settings: Settings) -> Sample:
    """Read the first records of a file or ``kafka://HOST:PORT/TOPIC``."""
    found = Sample()
    reader = Reader(settings.formats, settings.core.max_record_bytes)
    for source in open_sources((place,), settings):
        for raw, _ in source.batches():
            for record in islice(raw.values, RECORDS - found.records):
                _look(reader, record, found, settings.core.max_record_bytes)
            if found.records >= RECORDS:
                return found
    return found


def _look(reader: Reader, record: bytes, found: Sample, max_bytes: int) -> None:
    found.records += 1
    found.formats[reader.format_of(record)] += 1
    for outcome in reader.outcomes(record):
        if isinstance(outcome, PassedOver):
            found.passed_over[outcome.reason] += 1
            continue
        try:
            if isinstance(outcome, BadRecord):
                raise outcome
            event = decode_event(outcome, max_bytes)
        except BadRecord as bad:
            found.refused[f"{bad.reason}: {bad.detail}"] += 1
            continue
        found.events += 1
        told = {
            key: value for key, value in msgspec.structs.asdict(event).items() if value is not None
        }
        found.filled.update(told.keys())
        for name, counter in found.values.items():
            counter.update([str(told.get(name))])
        found.own += is_own(event.client_ip)


def as_json(found: Sample) -> dict[str, Any]:
    """The same as one object."""
    return {
        "records": found.records,
        "events": found.events,
        "formats": dict(found.formats),
        "filled": {name: found.filled[name] for name in sorted(found.filled)},
        "empty": found.empty,
        "blind_signals": found.blind,
        "accounts": len(found.values["account_id"]),
        "passed_over": dict(found.passed_over),
        "refused": dict(found.refused),
        "advice": advice(found),
    }


def advice(found: Sample) -> list[str]:
    """What is likely wrong with the settings."""
    said = []
    if not found.events:
        said.append("no event was read: check formats.name and the paths under formats.paths")
        return said
    if found.events > 20 and len(found.values["account_id"]) == 1:
        said.append("all events are of one account: set formats.paths.FORMAT.account")
    orgs = found.values["org_id"]
    if found.events > 20 and len(orgs) == 1 and "None" not in orgs:
        said.append(_ONE_ORGANISATION)
    if found.own > found.events // 2:
        said.append(_PRIVATE)
    return said


_ONE_ORGANISATION = (
    "all events are of one organisation, so nothing between organisations can be seen: set "
    "formats.paths.FORMAT.organisation to [] or to another attribute"
)
_PRIVATE = (
    "most addresses are of a private network, likely a proxy's: log x-forwarded-for, and set "
    "formats.trusted_proxies"
)


def as_text(found: Sample) -> str:
    """The same for a person."""
    formats = ", ".join(f"{name} {n}" for name, n in found.formats.most_common()) or "none"
    accounts = len(found.values["account_id"])
    lines = [f"records  {found.records} ({formats}), {found.events} events, {accounts} accounts"]
    lines += [f"refused  {n} × {why}" for why, n in found.refused.most_common(5)]
    lines += [f"passed   {n} × {why}" for why, n in found.passed_over.most_common()]
    optional = [f.name for f in _FIELDS if f.name not in REQUIRED and found.filled[f.name]]
    for name in optional:
        if name != "schema_version":
            lines.append(f"filled   {name} {100 * found.filled[name] // max(1, found.events)} %")
    lines.append(f"empty    {', '.join(found.empty) or 'nothing'}")
    lines.append(f"blind    {', '.join(found.blind) or 'no signal'}")
    lines += [f"         → {what}" for what in advice(found)]
    return "\n".join(lines)
