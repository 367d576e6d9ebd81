"""Numbers and times as gateways write them, where it is sure what they come to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.jit import borrowing, calling
from analyzer.core.kernels.json_tokens import FLOAT, INTEGER, STRING
from analyzer.formats.compiled.layout import KIND, Desk
from analyzer.formats.compiled.told import inner

U8 = NDArray[np.uint8]
UNTOLD = -1
"""No number that is sure."""
_SECONDS, _MILLIS, _MICROS = 10**11, 10**14, 10**17
"""Below each a time is in seconds, milliseconds, microseconds; else in nanoseconds."""
_NEAR = 2_000
"""Millionths of a millisecond around a half: there a binary fraction may round either way."""


@calling
def digits(text: U8, begin: int, end: int) -> int:
    """Value of up to 18 digits; ``UNTOLD`` if they are more or not digits alone."""
    if end - begin < 1 or end - begin > 18:
        return UNTOLD
    value = 0
    for i in range(begin, end):
        if not ord("0") <= text[i] <= ord("9"):
            return UNTOLD
        value = 10 * value + int(np.int64(text[i]) - ord("0"))
    return value


@borrowing
def moment_ms(text: U8, desk: Desk, node: int) -> int:
    """As ``values.moment_ms``, of a value that is there; ``UNTOLD`` if that is not sure."""
    kind = desk.work[KIND + node]
    begin, end = inner(desk, node)
    if kind == FLOAT:
        return _seconds(text, begin, end)
    if kind == STRING and end - begin == 19:  # nanoseconds; the last six digits do not count
        value = digits(text, begin, end - 6)
        return value if digits(text, end - 6, end) >= 0 and text[begin] != ord("0") else UNTOLD
    if kind != INTEGER and kind != STRING:
        return UNTOLD
    if kind == STRING and text[begin] == ord("0"):
        return UNTOLD
    value = digits(text, begin, end)
    if value <= 0:
        return UNTOLD
    if value < _SECONDS:
        return value * 1_000
    if value < _MILLIS:
        return value
    return value // (1_000 if value < _MICROS else 1_000_000)


@borrowing
def _seconds(text: U8, begin: int, end: int) -> int:
    """Of seconds with a fraction, rounded."""
    point = begin
    while point < end and text[point] != ord("."):
        point += 1
    whole = digits(text, begin, point)
    if whole <= 0 or point - begin > 11:
        return UNTOLD
    millis, millionths = 0, 0
    for i in range(9):
        at = point + 1 + i
        digit = 0
        if at < end:
            if not ord("0") <= text[at] <= ord("9"):
                return UNTOLD
            digit = int(np.int64(text[at]) - ord("0"))
        if i < 3:
            millis = 10 * millis + digit
        else:
            millionths = 10 * millionths + digit
    for at in range(point + 10, end):
        if not ord("0") <= text[at] <= ord("9"):
            return UNTOLD
    if -_NEAR < millionths - 500_000 < _NEAR:
        return UNTOLD
    return whole * 1_000 + millis + (1 if millionths > 500_000 else 0)


@borrowing
def is_shortest(text: U8, begin: int, end: int) -> bool:
    """Whether a number with a point stands here as it would be written again."""
    point = begin
    while point < end and text[point] != ord("."):
        point += 1
    if point - begin > 9 or end - begin > 16 or digits(text, begin, point) < 0:
        return False
    if digits(text, point + 1, end) < 0:
        return False
    if text[end - 1] == ord("0"):
        return end - point == 2
    return text[begin] != ord("0") or digits(text, point + 1, min(end, point + 4)) > 0
