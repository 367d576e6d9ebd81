"""Networks: blocks with a kind, and addresses in them.

An address is one number, ``block * 256 + host``; its text is made when it is written.
"""

from __future__ import annotations

import numpy as np

from analyzer.simulate.draws import I64, Rng, mix

COUNTRIES = ("US", "GB", "DE", "FR", "IN", "JP", "BR", "KR", "SG", "VN", "PL", "AU", "NG", "MX")
KINDS = ("own", "home", "cloud", "vpn", "carrier", "campus", "hosting")
_V4_FIRST, _V4_COUNT, _STEP = 11 << 16, 209 << 16, 7_368_787
_ASNS = {"own": 400, "home": 60, "cloud": 5, "vpn": 8, "carrier": 12, "campus": 60, "hosting": 25}


class Places:
    """All blocks of a world.

    Parameters
    ----------
    seed
        Of the world; moves the address plan.
    v6
        Share of IPv6 among own, home and campus blocks.
    """

    def __init__(self, seed: int, v6: float) -> None:
        self._seed = seed
        self._v6_share = v6
        self._v6: list[I64] = []
        self._asn: list[I64] = []
        self._country: list[I64] = []
        self.count = 0

    def blocks(self, rng: Rng, n: int, kind: str, country: int | None = None) -> I64:
        """Lay ``n`` blocks that nobody used before."""
        able = kind in {"own", "home", "campus"}
        self._v6.append((rng.random(n) < (self._v6_share if able else 0.0)).astype(np.int64))
        first = 1_000 * (1 + KINDS.index(kind))
        self._asn.append(first + rng.integers(0, _ASNS[kind], n))
        where = rng.integers(0, len(COUNTRIES), n) if country is None else np.full(n, country)
        self._country.append(where.astype(np.int64))
        self.count += n
        return np.arange(self.count - n, self.count)

    def hosts(self, rng: Rng, blocks: I64, per: int) -> I64:
        """Addresses, ``per`` in each block, shape (blocks * per,)."""
        firsts = rng.integers(1, 250, len(blocks))
        step = rng.integers(1, 9, len(blocks))
        host = 1 + (firsts[:, None] + step[:, None] * np.arange(per)) % 254
        return np.asarray((blocks[:, None] * 256 + host).ravel(), np.int64)

    def neighbours(self, rng: Rng, addresses: I64) -> I64:
        """Other addresses of the same blocks."""
        return np.asarray(addresses // 256 * 256 + rng.integers(1, 255, len(addresses)), np.int64)

    def table(self) -> list[tuple[str, str, int, str]]:
        """Start of an address, its network, its ASN and its country, for each block."""
        number = np.arange(self.count)
        v4 = _V4_FIRST + (number * _STEP + self._seed % _V4_COUNT) % _V4_COUNT
        v6 = mix(number, self._seed, 71)
        out = []
        columns = zip(
            v4.tolist(), v6.tolist(), *(np.concatenate(x).tolist() for x in (
                self._v6, self._asn, self._country)), strict=True,
        )  # fmt: skip
        for four, six, is_six, asn, country in columns:
            if is_six:
                start = f"2a0{six >> 61:x}:{six >> 40 & 0xFFFF:x}:{six >> 16 & 0xFFFF:x}:"
                out.append((start + "7::", start + ":/48", asn, COUNTRIES[country]))
            else:
                start = f"{four >> 16}.{four >> 8 & 255}.{four & 255}."
                out.append((start, start + "0/24", asn, COUNTRIES[country]))
        return out
