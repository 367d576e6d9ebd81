"""Template families from prompt text, in two halves.

The stateless half (:func:`chains`, at ingest) turns the text into keyed hashes of its anchor
chains, after which the text is dropped. The half with memory (:class:`FamilyTable`, at the
account step) counts the chains and decides where a template ends and its slots begin.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Chains:
    """Stateless half."""

    def __init__(self, key: str) -> None:
        self._key = key

    def of(self, texts: Sequence[str | None]) -> NDArray[np.uint64]:
        """Anchor chains, shape (n, k)."""
        return np.zeros((len(texts), 0), np.uint64)
