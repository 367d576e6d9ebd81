"""What kind of group a campaign is, from the readings of the campaign itself.

A softmax over kinds of operations and of innocents gives each reading a probability of
extraction. A model that discriminates calls whatever it never saw extraction, so beside it
stands a guard: without evidence that independent customers cannot show, the probability counts
as no more than one half. A kind once said stays until counter-evidence rises.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from analyzer.core.campaign.campaign_state import CampaignState, Reading
from analyzer.core.campaign.measure import FEATURES
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.records import AlertKind

F64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

HALF = 0.5
EVIDENT = 0.35
"""Value of a signal from which its family of evidence counts in the guard."""
MEANS: dict[str, tuple[tuple[str, float], ...]] = {
    "software": (("client_homogeneity", EVIDENT), ("params_homogeneity", EVIDENT)),
    "infrastructure": (("entanglement", EVIDENT),),
    "rotation": (("rotation", EVIDENT), ("hop_member", 0.5)),
    "card": (("payment_sharing", EVIDENT),),
    "elicitation": (("output_length", EVIDENT),),
}
"""Families of shared means or purpose, each by the features that show it; one program explains
the client and the parameters that it sends alike. That members meet on several blocks and that they
come from ever other blocks are two: a vendor's servers explain the first, people on their way the
second."""
_FAMILIES = list(MEANS)
_AT = {name: column for column, name in enumerate(FEATURES)}
_SIGNS = [_AT[name] for signs in MEANS.values() for name, _ in signs]
_LEAST = np.array([least for signs in MEANS.values() for _, least in signs])
_BEGINS = np.cumsum([0, *(len(signs) for signs in MEANS.values())])[:-1]
"""Columns of all signs of all families one after another, what each must reach, and where the
signs of each family begin."""
MEANS_SHOWN = 2
"""Families of shared means or purpose that must show."""
NEARLY_ALL = 4
"""Families that must show of accounts that are no parts of one stream; cards count as two."""
SPONSOR = 0.6
DIVERSE, ONE_QUEUE = 0.75, 0.5
"""From this diversity on, in nats, each member does many works, as the accounts of a reseller do;
unless from so strong a work queue on, these are the parts of one: none of its prompts is sent
twice, while customers repeat theirs."""
PRODUCT, MOST, UNEQUAL = 0.9, 0.5, 0.3
"""A client of which such a share of all users are members, and that such a share of the members
use, is that of one product, if their volumes vary so much (overdispersion): customers are of every
size, while a queue is worked off evenly."""
LEARNERS = 0.05
"""Members repeat prompts by so much more of their requests than others do: an exercise, a test, a
job. Who collects answers has no use for the same one twice, but may buy them as a disguise: one
family more must show."""
ONE_STREAM, BEYOND_OTHERS = 0.8, -0.15
"""Accounts are parts of one stream if their dispersion, given the group's common profile, is at
most so much (ln, 0 is pure chance) and so much below that of others of like volume."""


def guarded(features: F64) -> Bool:
    """True where the evidence suffices to call a group an operation, shape (n,).

    Common work, common times and a common day of birth prove nothing, since innocents who do one
    thing share them. Two families of shared means or purpose must show, one more if members ask
    the same more often than others do or sit in offices, blocks of their own on which each stays
    where it is; and they may not each do the work of several customers.

    Besides, the accounts' requests must be random parts of one stream, or take turns: people who
    act on their own have hours and days of their own, which no two share. But a queue whose
    accounts take many prompts at a time is lumpy, too: so accounts that came at one time suffice
    where all but one of the families show, of which cards count as two.

    And customers of a product that calls for each event of theirs are parts of one stream. Where
    nobody else uses the client and volumes are unequal, a product explains what it sends alike, and
    may explain where they meet and how long answers are, by its relay and its task: one family
    more must show, and that the accounts came at one time or share cards.
    """
    known = np.where(np.isnan(features), 0.0, features)
    shown = np.logical_or.reduceat(known[:, _SIGNS] >= _LEAST, _BEGINS, axis=1)
    shows = dict(zip(_FAMILIES, shown.T, strict=True))
    means = shown.sum(axis=1)
    # One card for all is a sponsor's coupon or a vendor's account, not an operator's cards.
    sponsored = shows["card"] & (known[:, _AT["pay_top"]] >= SPONSOR)
    thinning = features[:, _AT["thinning"]]
    beyond = features[:, _AT["thinning_others"]]
    one_stream = (thinning <= ONE_STREAM) & (beyond <= BEYOND_OTHERS)
    learners = known[:, _AT["all_repeat"]] > LEARNERS
    many_works = _many_works(known[:, _AT["diversity"]], known[:, _AT["work_queue"]])
    product = known[:, _AT["client_exclusive"]] >= PRODUCT
    product &= known[:, _AT["top_client"]] >= MOST
    product &= known[:, _AT["over_all"]] >= UNEQUAL
    explained = sponsored.astype(np.int64) + (product & shows["software"])
    born = known[:, [_AT["creation_scan"], _AT["first_seen"]]].max(axis=1) >= EVIDENT
    cards = shows["card"] & ~sponsored
    own_blocks = known[:, _AT["private_blocks"]] >= EVIDENT
    offices = own_blocks & ~shows["infrastructure"]
    left = means - explained - (learners | offices)
    enough = (left - product >= MEANS_SHOWN) & (born | cards | ~product)
    together = one_stream | (born & (left + cards >= NEARLY_ALL))
    return np.asarray(enough & together & ~many_works)


def _many_works(diversity: F64, queue: F64) -> Bool:
    """True where each member does the work of several customers, shape (n,)."""
    return np.asarray((diversity >= DIVERSE) & (queue < ONE_QUEUE))


def held_back(features: F64, extraction: F64) -> F64:
    """Probabilities of extraction, no more than one half where the guard is not passed."""
    return np.where(guarded(features), extraction, np.minimum(extraction, HALF))


EXTRACTION: AlertKind = "extraction_campaign"
SAID, READINGS = 0.65, 2
"""Extraction is said at this probability in so many readings in a row."""
FIRST_S = 12 * 3_600
"""Hour-long windows count for a group whose members have been known for at most so long on average:
of whoever has been here for longer, longer windows tell more, such as how many works each does."""
HOPS = 2
"""A reading counts until it is so many hops of its window old."""
TAKEN_BACK, VIEWS = 0.2, 3
"""It is taken back below this probability in so many readings of a day in a row …"""
ROSE = 0.5
"""… if counter-evidence rose by so many standard deviations since it was said."""
COUNTER = ("one_block", "repeated_items", "spec_repeat", "all_repeat", "over_spec", "top_block",
           "diversity", "many_templates")  # fmt: skip
MOST_CHANGES = 2
"""Changes of kind in a campaign's life, at most."""


def decide_kind(
    state: CampaignState,
    pane: int,
    config: CoreConfig,
    classes: Mapping[str, AlertKind],
    scale: Mapping[str, float],
) -> None:
    """Set the probability and the kind of a campaign by its readings up to this pane.

    A reading in which too few members send enough to tell one stream from people who act on their
    own is no evidence for either, and counts in no mean.

    Parameters
    ----------
    classes
        Alert kind that each kind of group belongs to.
    scale
        Standard deviation of each feature.
    """
    fresh = _fresh(state, pane, config)
    telling = [reading for reading in fresh if "thinning" in reading.features]
    if any(reading.pane == pane for reading in telling):
        state.extraction = float(np.mean([reading.extraction for reading in telling]))
        if state.kind == EXTRACTION:
            _take_back(state, pane, classes, scale)
        else:
            _say(state, fresh)
    if state.kind != EXTRACTION and state.revision == 0 and fresh:
        state.kind = _likeliest(fresh, classes)


def _say(state: CampaignState, fresh: list[Reading]) -> None:
    """Say extraction once its readings were sure often enough in a row."""
    works = [[r.features.get(n, 0.0) for n in ("diversity", "work_queue")] for r in fresh]
    if _many_works(*np.array(works).T).any():
        state.extraction = min(state.extraction, HALF)  # short windows show few works of each
    state.sure = max(0, state.sure) + 1 if state.extraction >= SAID else 0
    if state.sure >= READINGS and state.kind_changes < MOST_CHANGES:
        _change(state, EXTRACTION, "its readings say so twice running")
        newest = max(fresh, key=lambda reading: reading.window_s)
        state.said_features = {n: newest.features[n] for n in COUNTER if n in newest.features}


def _change(state: CampaignState, kind: AlertKind, reason: str) -> None:
    if state.revision:
        state.kind_changes += 1
        state.kind_reason = reason
    state.kind, state.sure = kind, 0


def _take_back(
    state: CampaignState, pane: int, classes: Mapping[str, AlertKind], scale: Mapping[str, float]
) -> None:
    day = state.readings.get(DAY_S)
    if day is None or day.pane != pane or state.kind_changes >= MOST_CHANGES:
        return
    state.sure = min(0, state.sure) - 1 if state.extraction < TAKEN_BACK else 0
    if -state.sure < VIEWS:
        return
    rose = [
        name
        for name, before in state.said_features.items()
        if day.features.get(name, before) >= before + ROSE * scale.get(name, np.inf)
    ]
    if rose:
        reason = f"no longer taken for extraction: {rose[0].replace('_', ' ')} rose since"
        _change(state, _likeliest([day], classes), reason)


def _fresh(state: CampaignState, pane: int, config: CoreConfig) -> list[Reading]:
    """Latest reading of each window that is young enough to count."""
    hop = {window.length_s: window.hop_s // config.pane_s for window in config.windows}
    shortest = min(hop)
    return [
        reading
        for length_s, reading in state.readings.items()
        if pane - reading.pane <= HOPS * hop.get(length_s, 0)
        and (length_s != shortest or reading.facts["known_s"] <= FIRST_S)
    ]


def _likeliest(readings: list[Reading], classes: Mapping[str, AlertKind]) -> AlertKind:
    """The likeliest kind but extraction."""
    total: dict[AlertKind, float] = {}
    for reading in readings:
        for kind, probability in reading.kinds.items():
            total[classes[kind]] = total.get(classes[kind], 0.0) + probability
    total.pop(EXTRACTION, None)
    return max(total, key=lambda kind: (total[kind], kind), default="linked_accounts")
