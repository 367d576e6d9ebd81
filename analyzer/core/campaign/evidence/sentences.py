"""The table of sentences, and who asks it: only for alerts that go out."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analyzer.core.campaign.evidence import identity, places, timing, work
from analyzer.core.campaign.evidence.group import Group
from analyzer.core.cohort.window import Window
from analyzer.core.contracts.records import Failures

FEWEST = 2
SENTENCES: dict[str, Callable[[Group], str | None]] = {
    "balance": timing.equal_volumes,
    "entanglement": places.met,
    "private_blocks": places.private,
    "rotation": places.fresh,
    "client_homogeneity": identity.clients,
    "creation_scan": identity.created,
    "payment_sharing": identity.cards,
    "first_seen": identity.appeared,
    "hand_over": timing.followed,
    "synchrony": timing.together,
    "pivot": timing.moved,
    "narrowness": work.narrow,
    "co_templates": work.common,
    "work_queue": work.unrepeated,
    "output_length": work.long_answers,
    "params_homogeneity": identity.parameters,
    "one_block": places.one_place,
    "popular": work.popular,
    "many_templates": work.many_works,
    "repeated_items": work.repeated,
}
"""By signal; one without a line here says its plain meaning."""


class Evidence:
    """What may be said of the members of one campaign in one window; counts nothing until asked.

    Parameters
    ----------
    orgs
        Keys of the organisations whose accounts are named.
    """

    def __init__(self, window: Window, orgs: NDArray[np.uint64]) -> None:
        self._window, self._orgs = window, orgs

    @cached_property
    def _group(self) -> Group:
        return Group(self._window, self._orgs)

    def failures(self) -> Failures:
        """Requests that were not answered, by status."""
        return self._group.failures()

    def sentence(self, signal: str) -> str | None:
        """What a signal says, in natural units; None where the counts don't bear it out."""
        say = SENTENCES.get(signal)
        if say is None or self._group.size < FEWEST:
            return None
        return say(self._group)
