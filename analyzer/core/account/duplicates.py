"""When two events are one: the same id, account, time and content.

An id alone says little. A client may choose it, a gateway may take it from a header, and a
provider's ids may come again: none of this may hide a request of anybody. What is the same in
all of this is of the same pane, so nothing needs to be remembered of panes before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.contracts.events import EventColumns

_COLUMNS = (
    "event", "account", "org", "ts_ms", "template", "block", "tls", "agent", "payment", "model",
    "params", "prompt", "output_tokens",
)  # fmt: skip
_ODD = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)


def content_keys(rows: EventColumns, which: NDArray[np.intp]) -> NDArray[np.uint64]:
    """One hash for all that is known of each of these rows, shape (n,).

    Multiplied and folded column by column, so that each bit of each column reaches all others.
    """
    keys = np.zeros(len(which), np.uint64)
    for name in _COLUMNS:
        keys ^= getattr(rows, name)[which].view(np.uint64)
        keys *= _ODD
        keys ^= keys >> _SHIFT
    return keys


def first_of_each(keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Mask of the first of every run of equal keys.

    Examples
    --------
    >>> first_of_each(np.array([7, 7, 9, 7], np.uint64))
    array([ True, False,  True,  True])
    """
    first = np.ones(len(keys), np.bool_)
    first[1:] = keys[1:] != keys[:-1]
    return first
