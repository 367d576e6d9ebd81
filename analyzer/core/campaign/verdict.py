"""Why it is called what it is called, and what would have changed that.

Each condition is a figure beside the threshold that it was held against. What if a family of
evidence had been missing, or one more had been there, is asked of the model and the guard
themselves, with the latest reading changed in just that.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from analyzer.core.campaign.campaign_state import Campaign, Reading
from analyzer.core.campaign.kind import EXTRACTION, MEANS, SAID, guarded, held_back
from analyzer.core.campaign.measure import FEATURES
from analyzer.core.campaign.models.kind_model import KindModel
from analyzer.core.campaign.severity import CRITICAL, MANY
from analyzer.core.cohort.catalog import AGAINST, FAMILIES, NAMES
from analyzer.core.contracts.records import Condition

F64 = NDArray[np.float64]

ONE_STREAM = {"thinning": -1.0, "thinning_others": -1.0}
SHOWN = 0.1
"""A signal below this is no evidence that could be missing."""


def verdict_of(campaign: Campaign, model: KindModel, needed: int) -> list[Condition]:
    """The conditions of the kind and of the severity; none for a single account.

    Parameters
    ----------
    needed
        Members found twice from which a group is told of.
    """
    reading = campaign.latest
    if reading is None or campaign.state.domain != "group":
        return []
    said = campaign.state.kind == EXTRACTION
    vector = np.array([reading.features.get(name, np.nan) for name in FEATURES])
    return [
        _probability(campaign.state.extraction),
        *(_without(vector, reading, model) if said else _lacking(vector)),
        *_members(campaign, needed, said=said),
    ]


def _probability(value: float) -> Condition:
    return Condition(
        name="extraction",
        value=round(value, 4),
        threshold=SAID,
        holds=value >= SAID,
        sentence=f"the probability of extraction is {value:.2f}; it is said from {SAID:.2f} in two "
        "readings running, and then stands until counter-evidence rises",
    )


def _without(vector: F64, reading: Reading, model: KindModel) -> Iterator[Condition]:
    """Families of evidence without which the latest reading would not say extraction."""
    whole = _extraction(vector, reading, model)
    if whole < SAID:
        yield Condition(
            name="latest_reading",
            value=round(whole, 4),
            threshold=SAID,
            holds=False,
            sentence=f"the latest reading alone gives {whole:.2f}, too little; those before it and "
            "of other windows give more",
        )
        return
    left = {family: _extraction(_blank(vector, family), reading, model) for family in _told(vector)}
    for family, value in left.items():
        if value < SAID:
            yield Condition(
                name=f"without_{family}",
                value=round(value, 4),
                threshold=SAID,
                holds=False,
                sentence=f"without the evidence of {family} the latest reading would give "
                f"{value:.2f} instead of {whole:.2f}, too little to say so",
            )
    if left and min(left.values()) >= SAID:
        family, value = min(left.items(), key=lambda item: (item[1], item[0]))
        yield Condition(
            name="without_any_family",
            value=round(value, 4),
            threshold=SAID,
            holds=True,
            sentence=f"no family of evidence decides alone: without that of {family}, which weighs "
            f"most, the latest reading would still give {value:.2f}",
        )


def _told(vector: F64) -> list[str]:
    """Families of evidence of which something shows."""
    known = np.nan_to_num(vector)
    shown = {f for f, n in zip(FAMILIES, NAMES, strict=True) if known[FEATURES.index(n)] > SHOWN}
    return [family for family in dict.fromkeys(FAMILIES) if family in shown - {AGAINST}]


def _blank(vector: F64, family: str) -> F64:
    """The features, without anything known of one family."""
    changed = vector.copy()
    changed[[FEATURES.index(n) for f, n in zip(FAMILIES, NAMES, strict=True) if f == family]] = (
        np.nan
    )
    return changed


def _extraction(vector: F64, reading: Reading, model: KindModel) -> float:
    probability = model.extraction(model.probabilities(vector[None], reading.window_s))
    return float(held_back(vector[None], probability)[0])


def _lacking(vector: F64) -> Iterator[Condition]:
    """What the guard lacks, each as one thing that alone would open it."""
    if guarded(vector[None])[0]:
        return
    tries = {
        "one_stream": (ONE_STREAM, "that the requests of the accounts are parts of one stream"),
        "one_birth": ({"creation_scan": 1.0}, "that the accounts were created at about one time"),
        "many_clients": ({"client_exclusive": 0.0}, "that others use their client as well"),
        "one_work": ({"diversity": 0.0}, "that the members do one work instead of many"),
        "new_prompts": ({"all_repeat": 0.0}, "that prompts repeat no more often than others'"),
        **{
            f"shared_{means}": ({signs[0][0]: 1.0}, f"that the members share means of {means}")
            for means, signs in MEANS.items()
        },
    }
    opens = [name for name, (changes, _) in tries.items() if guarded(_with(vector, changes))[0]]
    if not opens:
        yield _missing(
            "evidence",
            "more than one thing is missing for extraction: two families of shared means, a third "
            "where prompts are repeated, accounts keep to blocks of their own or nobody else uses "
            "their client, one stream of requests, or one work instead of many",
        )
    for name in opens:
        yield _missing(name, f"with evidence {tries[name][1]} it might be called extraction")


def _with(vector: F64, changes: dict[str, float]) -> F64:
    changed = vector.copy()
    for name, value in changes.items():
        changed[FEATURES.index(name)] = value
    return changed[None]


def _missing(name: str, sentence: str) -> Condition:
    return Condition(name=name, value=0.0, threshold=1.0, holds=False, sentence=sentence)


def _members(campaign: Campaign, least: int, *, said: bool) -> Iterator[Condition]:
    found = campaign.found_twice
    yield Condition(
        name="found_twice",
        value=float(found),
        threshold=float(least),
        holds=found >= least,
        sentence=f"{found:,} organisations were found twice or more often; a group is told of from "
        f"{least}",
    )
    size = len(campaign.confirmed())
    above = next((least for least in (MANY, CRITICAL) if size < least), None)
    if said and above is not None:
        level = "high" if above == MANY else "critical"
        yield Condition(
            name=f"severity_{level}",
            value=float(size),
            threshold=float(above),
            holds=False,
            sentence=f"{size:,} organisations are named; from {above:,} the severity is {level} "
            "in any case",
        )
