"""E-values: evidence that holds the rate of false discoveries, however cohorts depend.

An e-value is a figure ≥ 0 whose mean is at most 1 where there is nothing to discover. Unlike
p-values, e-values of cohorts that share members, windows and the same prompts may be decided
together without a word about how they depend.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]


def conformal(strange: F64, usual: F64, objects: F64) -> F64:
    """How many times stranger each cohort is than innocent ones of its sort; shape (cohorts,).

    Parameters
    ----------
    strange
        How suspicious each cohort looks, ≥ 0, in any unit.
    usual
        Mean of that over the innocent cohorts of the same sort.
    objects
        How many different objects these cohorts are of.

    Notes
    -----
    With n innocent objects of figures g₁ … gₙ and the figure g of one more, the e-value is
    (n + 1)·g / (Σgᵢ + g). If the object is exchangeable with the others, all n + 1 such figures
    add up to n + 1, so the mean of each is 1. Cohorts of one object repeat themselves from
    window to window: therefore n counts objects, and Σgᵢ is n times the mean over cohorts. As
    g / (A + g) is concave in g, an object's ups and downs only lower the mean; where objects
    are judged unequally often, the mean over all cohorts judged is at most 1, which is all that
    :func:`discoveries` asks for.

    References
    ----------
    Balinsky & Balinsky (2024), *Enhancing conformal prediction using e-test statistics*;
    Bashari et al. (2023), *Derandomized novelty detection with FDR control via conformal
    e-values*.

    Examples
    --------
    >>> conformal(np.array([0.0, 1.0, 98.0]), np.full(3, 0.02), np.full(3, 100.0)).round(2)
    array([ 0.  , 33.67, 98.98])
    """
    total = objects * usual + strange
    return np.where(strange > 0, (objects + 1) * strange / np.where(total > 0, total, 1.0), 0.0)


def discoveries(e: F64, q: float) -> NDArray[np.bool_]:
    """Which hypotheses are rejected by e-BH, shape (n,); at most q of them falsely on average.

    The k greatest, for the greatest k of which the least is still ≥ n / (q·k).

    Reference: Wang & Ramdas (2022), *False discovery rate control with e-values*.

    Examples
    --------
    >>> discoveries(np.array([30.0, 1.0, 14.0, 0.0]), q=0.2)
    array([ True, False,  True, False])
    """
    if not len(e):
        return np.zeros(0, np.bool_)
    falling = np.sort(e)[::-1]
    enough = falling * np.arange(1, len(e) + 1) >= len(e) / q
    if not enough.any():
        return np.zeros(len(e), np.bool_)
    least = falling[np.flatnonzero(enough)[-1]]
    return np.asarray(e >= least)
