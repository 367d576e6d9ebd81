"""Prompt texts for producers that send text instead of a template id.

A template is a fixed head and tail; what lies between, and all of a free conversation, comes
from the exact prompt. A reworded template has a head and tail of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analyzer.simulate.draws import mix, rng_for, zipf_weights

if TYPE_CHECKING:
    from analyzer.simulate.draws import I64, U64, Rng

_COMMON = (  # noqa: SIM905 - a list of words reads better as text
    "the a to of and in is for with on as that it this be are from by or you your we our can "
    "please write give list explain step answer question text following each new make use how "
    "what why which data code file user report short long clear example result check find show "
    "compare describe translate summarise review plan email table value number name time day"
).split()
_ONSETS = "b br c cl d dr f fl g gr h j k l m n p pl qu r s st t tr v w".split()  # noqa: SIM905 - as above
_RIMES = "a al an ar e el en er i il in o ol on or ul un ent ist ous".split()  # noqa: SIM905 - as above
_PHRASES = 4_096
_OPENINGS = 400


@dataclass(frozen=True, slots=True)
class Texts:
    """Pieces of text, ready to be joined."""

    heads: list[str]
    tails: list[str]
    """By template."""
    phrases: list[str]
    openings: list[str]

    @classmethod
    def of(cls, seed: int, kin: I64) -> Texts:
        """Write the pieces for a world.

        Parameters
        ----------
        seed
            The world's seed.
        kin
            By template: the one that it is a rewording of, negative if none.
        """
        rng = rng_for(seed, "texts")
        words = _vocabulary(rng)
        return cls(
            heads=_reworded(rng, _sentences(rng, words, len(kin), (9, 26)), kin),
            tails=_reworded(rng, _sentences(rng, words, len(kin), (6, 18)), kin),
            phrases=_sentences(rng, words, _PHRASES, (3, 30)),
            openings=_sentences(rng, words, _OPENINGS, (2, 7)),
        )

    def prompts(self, template: I64, prompt: U64) -> list[str]:
        """One text per request; the same template and prompt give the same text."""
        first = (prompt % np.uint64(_PHRASES)).tolist()
        second = ((prompt >> np.uint64(20)) % np.uint64(_PHRASES)).tolist()
        opening = (mix(prompt, 61) % np.uint64(_OPENINGS)).tolist()
        return [
            f"{self.heads[t]}: {self.phrases[a]}. {self.phrases[b]}\n{self.tails[t]}"
            if t >= 0
            else f"{self.openings[o]} {self.phrases[a]} {self.phrases[b]}"
            for t, a, b, o in zip(template.tolist(), first, second, opening, strict=True)
        ]


def _vocabulary(rng: Rng) -> list[str]:
    onset = rng.integers(0, len(_ONSETS), (2_500, 3)).tolist()
    rime = rng.integers(0, len(_RIMES), (2_500, 3)).tolist()
    syllables = rng.integers(1, 4, 2_500).tolist()
    rare = [
        "".join(_ONSETS[o] + _RIMES[r] for o, r in list(zip(os, rs, strict=True))[:n])
        for os, rs, n in zip(onset, rime, syllables, strict=True)
    ]
    return [*_COMMON, *rare]


def _reworded(rng: Rng, texts: list[str], kin: I64) -> list[str]:
    """Let a rewording keep about six words in ten of its original."""
    for at in np.flatnonzero((kin >= 0) & (kin != np.arange(len(kin)))).tolist():
        old, new = texts[kin[at]].split(), texts[at].split()
        kept = rng.random(len(old)) < 0.6
        texts[at] = " ".join(
            word if keep else new[where % len(new)]
            for where, (word, keep) in enumerate(zip(old, kept, strict=True))
        )
    return texts


def _sentences(rng: Rng, words: list[str], n: int, length: tuple[int, int]) -> list[str]:
    lengths = rng.integers(*length, n)
    drawn = rng.choice(len(words), int(lengths.sum()), p=zipf_weights(len(words), 0.8)).tolist()
    ends = np.cumsum(lengths).tolist()
    starts = [0, *ends[:-1]]
    return [
        " ".join(words[word] for word in drawn[start:end]).capitalize()
        for start, end in zip(starts, ends, strict=True)
    ]
