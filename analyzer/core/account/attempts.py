"""Attempts of a gateway at one request: a failure counts only if no answer followed it.

A gateway that tries again, or elsewhere, logs each attempt under the request's one id. An id
alone says little, as a client may choose it: so an answer hides nothing but attempts of the same
account under the same id that gave no output, and two answers are two requests.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.core.kernels.hash_index import HashIndex

U64 = NDArray[np.uint64]


def given_up(event: U64, account: U64, output_tokens: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mask of the attempts without output that have an answer beside them.

    Examples
    --------
    >>> ids, account = np.array([7, 7, 7, 8], np.uint64), np.ones(4, np.uint64)
    >>> given_up(ids, account, np.array([0, 5, 5, 0]))
    array([ True, False, False, False])
    """
    empty = output_tokens == 0
    if not empty.any() or empty.all():
        return np.zeros(len(event), np.bool_)
    keys = event ^ (account * _ODD)
    answers = HashIndex(np.unique(keys[~empty][_among(keys[~empty], keys[empty])]))
    found = np.zeros(len(event), np.bool_)
    found[empty] = answers.find(keys[empty]) >= 0
    return found


def _among(keys: U64, few: U64) -> NDArray[np.bool_]:
    return HashIndex(np.unique(few)).find(keys) >= 0


_ODD = np.uint64(0x9E3779B97F4A7C15)
