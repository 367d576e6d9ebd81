"""Saved state: a versioned map of arrays, numbers and strings as MessagePack.

Nothing here can run code when it is read: arrays are raw bytes with a dtype, all else is
plain data. An unknown version is a :class:`StateError`, never a guess.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np

from analyzer.core.contracts.decode import UNREADABLE
from analyzer.core.kernels.packed_arrays import Parts, array_of, array_parts
from analyzer.errors import StateError

Plain = dict[str, Any]
_Saved = tuple[str, int, msgspec.Raw]


DAMAGED = (*UNREADABLE, LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What reading a state raises that is not as it was saved."""


@contextmanager
def restoring(kind: str) -> Iterator[None]:
    """Reading of a saved state, as a decorator: whatever it stumbles over is a StateError.

    Examples
    --------
    >>> with restoring("demo"):
    ...     {}["gate"]
    Traceback (most recent call last):
    analyzer.errors.StateError: saved state of demo is damaged: KeyError('gate')
    """
    try:
        yield
    except DAMAGED as error:
        raise StateError(f"saved state of {kind} is damaged: {error!r}") from error


def pack(kind: str, version: int, state: Plain) -> bytes:
    """A state as bytes.

    Examples
    --------
    >>> unpack("demo", 1, pack("demo", 1, {"a": np.arange(2), "b": "x"}))
    {'a': array([0, 1]), 'b': 'x'}
    """
    return msgspec.msgpack.encode([kind, version, state], enc_hook=_to_plain)


def unpack(kind: str, version: int, data: bytes) -> Plain:
    """The state in these bytes.

    Raises
    ------
    StateError
        If the bytes are damaged, of another kind or of another version.
    """
    with restoring(kind):
        found, found_version, state = msgspec.msgpack.decode(data, type=_Saved)
        if (found, found_version) != (kind, version):
            raise StateError(
                f"saved state is {found} version {found_version}, this program reads "
                f"{kind} version {version}; it will be rebuilt from the topic"
            )
        return dict(msgspec.msgpack.decode(state, ext_hook=_from_plain))


_ARRAY = 1


def _to_plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return msgspec.msgpack.Ext(_ARRAY, msgspec.msgpack.encode(array_parts(value)))
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value)} is no plain data")


def _from_plain(code: int, data: memoryview) -> object:
    if code != _ARRAY:
        raise ValueError(f"unknown extension {code}")
    array = array_of(*msgspec.msgpack.decode(data, type=Parts))
    return array if array.flags.writeable else array.copy()
