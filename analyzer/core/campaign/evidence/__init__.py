"""Evidence in natural units: what was seen among the members, and what chance or others give.

A sentence is a function of a :class:`.group.Group`, the members of one campaign in one window.
It gives None where the counts don't bear out what the signal says, or nothing is known: then the
signal keeps its plain meaning. Whatever a sentence says must hold for the members that are named,
in the window that the reading names; ``tests/core/test_evidence.py`` counts it again from the
events. The table of all sentences is :mod:`.sentences`.
"""

from analyzer.core.campaign.evidence.sentences import Evidence

__all__ = ["Evidence"]
