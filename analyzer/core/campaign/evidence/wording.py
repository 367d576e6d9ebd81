"""Figures and dates as they stand in a sentence, rounded so that none of them is untrue."""

from __future__ import annotations

import numpy as np

LONGEST_NAME = 60
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def expected(count: float) -> str:
    """How many chance would give.

    Examples
    --------
    >>> [expected(x) for x in (0.003, 0.42, 4_812.3)]
    ['fewer than 0.1', '0.4', '4,812']
    """
    if count < 0.05:
        return "fewer than 0.1"
    return f"{count:.1f}" if count < 10 else f"{count:,.0f}"


def percent(part: float, whole: float) -> str:
    """A share in percent; only all of it is 100, and only nothing is 0.

    Examples
    --------
    >>> [percent(a, 10_000) for a in (0, 3, 72, 3_149, 9_999, 10_000)]
    ['0 %', 'under 0.1 %', '0.7 %', '31 %', 'over 99 %', '100 %']
    """
    share = 100 * part / whole if whole > 0 else 0.0
    if 0 < share < 0.1:
        return "under 0.1 %"
    if 0 < share < 0.95:
        return f"{share:.1f} %"
    return "over 99 %" if 99.5 <= share < 100 else f"{share:.0f} %"


def days(first_ms: int, last_ms: int) -> str:
    """When something happened, by the day in UTC.

    Examples
    --------
    >>> days(1_795_219_200_000, 1_795_478_400_000)
    'between 21 and 24 Nov 2026'
    >>> days(1_795_219_200_000, 1_795_219_200_001)
    'on 21 Nov 2026'
    """
    first, last = _date(first_ms), _date(last_ms)
    if first == last:
        return f"on {_told(last)}"
    if first[:2] == last[:2]:
        return f"between {first[2]} and {_told(last)}"
    begin = f"{first[2]} {_MONTHS[first[1]]}" if first[0] == last[0] else _told(first)
    return f"between {begin} and {_told(last)}"


def times(first_ms: int, last_ms: int) -> str:
    """When something happened, by the minute in UTC.

    Examples
    --------
    >>> times(1_795_241_400_000, 1_795_262_400_000)
    'between 06:10 and 12:00 UTC on 21 Nov 2026'
    >>> times(1_795_212_000_000, 1_795_224_000_000)
    'between 22:00 UTC on 20 Nov 2026 and 01:20 UTC on 21 Nov 2026'
    """
    first, last = _date(first_ms), _date(last_ms)
    if first == last:
        return f"between {_clock(first_ms)} and {_clock(last_ms)} UTC on {_told(last)}"
    begin = f"{_clock(first_ms)} UTC on {_told(first)}"
    return f"between {begin} and {_clock(last_ms)} UTC on {_told(last)}"


def name(text: str) -> str:
    """A name from outside, of bearable length."""
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"


def length(seconds: int) -> str:
    """A length of time in hours or minutes.

    Examples
    --------
    >>> length(86_400), length(1_200)
    ('24 h', '20 min')
    """
    return f"{seconds // 3_600} h" if seconds % 3_600 == 0 else f"{seconds // 60} min"


def _date(epoch_ms: int) -> tuple[int, int, int]:
    day = np.datetime64(epoch_ms, "ms").astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    year, in_year = divmod(int(month.astype(np.int64)), 12)
    return 1970 + year, in_year, int((day - month.astype("datetime64[D]")).astype(np.int64)) + 1


def _told(date: tuple[int, int, int]) -> str:
    year, month, day = date
    return f"{day} {_MONTHS[month]} {year}"


def _clock(epoch_ms: int) -> str:
    minutes = epoch_ms // 60_000 % 1_440
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def counted(number: int, noun: str) -> str:
    """A number and its noun.

    Examples
    --------
    >>> counted(1, "account"), counted(1_200, "account")
    ('1 account', '1,200 accounts')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"
