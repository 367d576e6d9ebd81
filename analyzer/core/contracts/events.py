"""What remains of requests inside: columns of hashes and integers, with the text gone."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from analyzer.core.contracts.empty_columns import i64, u64
from analyzer.core.kernels.interned_names import Names

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class EventColumns:
    """Events as columns of equal length ``n``; a hash of 0 means "not given".

    ``names`` maps the hashes of accounts and objects in these rows to the text that an
    alert shows.
    """

    offset: I64 = field(default_factory=i64)
    """Position in the source: Kafka offset, or number of the line."""
    ts_ms: I64 = field(default_factory=i64)
    event: U64 = field(default_factory=u64)
    account: U64 = field(default_factory=u64)
    org: U64 = field(default_factory=u64)
    """Billing organisation; the account itself if it has none."""
    template: U64 = field(default_factory=u64)
    block: U64 = field(default_factory=u64)
    """IPv4 /24 or IPv6 /48, reversible (see :mod:`analyzer.core.contracts.hashing`)."""
    asn: U64 = field(default_factory=u64)
    """Number of the autonomous system, as it is; 0 is reserved (RFC 7607) and means "not given"."""
    tls: U64 = field(default_factory=u64)
    agent: U64 = field(default_factory=u64)
    payment: U64 = field(default_factory=u64)
    model: U64 = field(default_factory=u64)
    params: U64 = field(default_factory=u64)
    """Sampling parameters taken together (temperature, top_p, max_tokens, n, logprobs)."""
    prompt: U64 = field(default_factory=u64)
    failure: U64 = field(default_factory=u64)
    """Number of the status in :data:`~.request_event.STATUSES`; 0 if the request was answered."""
    output_tokens: I64 = field(default_factory=i64)
    created_ms: I64 = field(default_factory=i64)
    """Account creation, epoch ms; -1 means "not given"."""
    chains: NDArray[np.uint64] = field(default_factory=lambda: np.zeros((0, 0), np.uint64))
    """Anchor chains of the prompt text (see :mod:`.template_chains`), shape (n, k);
    k is 0 where no event of the batch came with text."""
    names: Names = field(default_factory=Names)

    def __len__(self) -> int:
        return len(self.ts_ms)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Self:
        """The given rows; the names stay as they are."""
        return replace(self, **{name: getattr(self, name)[rows] for name in ARRAY_FIELDS})

    @classmethod
    def concat(cls, parts: list[Self]) -> Self:
        """All rows of all parts, in that order."""
        parts = [part for part in parts if len(part)]
        if not parts:
            return cls()
        names = Names.joined([part.names for part in parts])
        width = max(part.chains.shape[1] for part in parts)
        arrays = {
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ARRAY_FIELDS
            if name != "chains"
        }
        chains = np.concatenate(
            [np.pad(part.chains, ((0, 0), (0, width - part.chains.shape[1]))) for part in parts]
        )
        return cls(**arrays, chains=chains, names=names)


NAMED_FIELDS = ("account", "org", "template", "tls", "agent", "payment", "model")
"""Columns of which ``names`` may hold the text: all but that of organisations, which nobody
shows."""
NAMED_OBJECTS = NAMED_FIELDS[2:]
"""Those of them that are objects."""
ARRAY_FIELDS = tuple(f.name for f in fields(EventColumns) if f.name != "names")
