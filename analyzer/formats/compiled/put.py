"""Bytes put behind those that were written before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.jit import borrowing, put_word, word_at
from analyzer.formats.compiled.layout import FULL, NAME, NAME_END, OUT, Desk

U8 = NDArray[np.uint8]
SPARE = 64
"""Bytes at the end of what is written to that stay free."""


@borrowing
def put(desk: Desk, text: U8, begin: int, end: int) -> None:
    """Put bytes; if there is no room for them, that is noted instead."""
    at, size = desk.work[OUT], end - begin
    if at + size + SPARE > len(desk.out):
        desk.work[FULL] = 1
        return
    for i in range(0, size, 8):
        put_word(desk.out, at + i, word_at(text, begin + i))
    desk.work[OUT] = at + size


@borrowing
def put_field(desk: Desk, field: int, text: U8, begin: int, end: int, quote: int) -> None:
    """Put a field's name and its value, between quotes if there is to be any, as :func:`put`."""
    at, size = desk.work[OUT], end - begin
    name, name_size = desk.plan[field + NAME], desk.plan[field + NAME_END] - desk.plan[field + NAME]
    if at + name_size + size + SPARE > len(desk.out):
        desk.work[FULL] = 1
        return
    for i in range(0, name_size, 8):
        put_word(desk.out, at + i, word_at(desk.pool, name + i))
    at += name_size
    if quote:
        desk.out[at] = quote
        at += 1
    for i in range(0, size, 8):
        put_word(desk.out, at + i, word_at(text, begin + i))
    at += size
    if quote:
        desk.out[at] = quote
        at += 1
    desk.work[OUT] = at


@borrowing
def put_byte(desk: Desk, byte: int) -> None:
    """Put one byte, as :func:`put`."""
    at = desk.work[OUT]
    if at + SPARE > len(desk.out):
        desk.work[FULL] = 1
        return
    desk.out[at] = byte
    desk.work[OUT] = at + 1


@borrowing
def put_number(desk: Desk, number: int) -> None:
    """Put the digits of a whole number that is not negative, as :func:`put`."""
    at, size, rest = desk.work[OUT], 1, number // 10
    if at + SPARE > len(desk.out):
        desk.work[FULL] = 1
        return
    while rest:
        size, rest = size + 1, rest // 10
    for i in range(size):
        desk.out[at + size - 1 - i] = ord("0") + number % 10
        number //= 10
    desk.work[OUT] = at + size
