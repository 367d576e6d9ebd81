"""Values as people read them, with nothing in them that a terminal or a chat would obey."""

from __future__ import annotations

import datetime as dt
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analyzer.core.contracts.records import AlertKind, SignalReading

KINDS: dict[AlertKind, str] = {
    "extraction_campaign": "Extraction campaign",
    "reseller_pool": "Reseller pool",
    "linked_accounts": "Linked accounts",
    "shared_tool": "Users of one product",
    "account_anomaly": "Account anomaly",
}
"""What each kind of alert is called."""


def clean(text: str, longest: int = 3_000) -> str:
    r"""The text on one line, without control, direction and invisible characters.

    Examples
    --------
    >>> clean("a\nb\x1b[31m\u202ec")
    'a b[31mc'
    """
    return clip(_inert(" ".join(text.split())), longest)


def clean_lines(text: str) -> str:
    r"""The text without such characters, line by line as it stands.

    Examples
    --------
    >>> clean_lines("one:\n  a\x1b[31m\u202eb")
    'one:\n  a[31mb'
    """
    return "\n".join(map(_inert, text.splitlines()))


def _inert(text: str) -> str:
    return "".join(c for c in text if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co"})


def clip(text: str, longest: int) -> str:
    """At most so many characters; an ellipsis stands for the rest.

    Examples
    --------
    >>> clip("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= longest else text[: longest - 1] + "…"


def moment(epoch_ms: int) -> str:
    """A time in UTC to the minute; the bare number where no calendar reaches.

    Examples
    --------
    >>> moment(1772532000000)
    '2026-03-03 10:00 UTC'
    """
    try:
        return dt.datetime.fromtimestamp(epoch_ms / 1_000, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, ValueError, OSError):
        return f"{epoch_ms} ms"


def span(length_s: float) -> str:
    """A length of time in its largest fitting unit.

    Examples
    --------
    >>> [span(s) for s in (40, 90, 21_600, 122_400, 259_200)]
    ['40 s', '2 min', '6 h', '34 h', '3 d']
    """
    for least, size, unit in ((172_800, 86_400, "d"), (3_600, 3_600, "h"), (60, 60, "min")):
        if length_s >= least:
            return f"{length_s / size:.0f} {unit}"
    return f"{length_s:.0f} s"


def sureness(confidence: float) -> str:
    """A confidence in words that promise no certainty.

    Examples
    --------
    >>> sureness(0.613), sureness(0.999)
    ('confidence 61%', 'confidence >99%')
    """
    return "confidence >99%" if confidence > 0.99 else f"confidence {confidence:.0%}"


def sentence(reading: SignalReading) -> str:
    """What a signal says, the same everywhere: what was seen, and what is usual."""
    words = clean(reading.evidence, 300)
    return words[:1].upper() + words[1:]


def some(names: list[str], count: int, total: int | None = None) -> tuple[list[str], int]:
    """The first few names, cleaned, and how many more there are."""
    shown = [clean(name, 80) for name in names[:count]]
    return shown, max(0, (len(names) if total is None else total) - len(shown))
