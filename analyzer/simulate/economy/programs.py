"""Client programs and request parameters that a world's customers use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzer.simulate.draws import F64, I64, Rng, hex_ids, mix, pick, zipf_weights

_KITS = ("ai-python", "ai-node", "httpx", "requests", "axios", "okhttp", "go-http", "reqwest",
         "langgraph", "aiohttp", "undici", "guzzle", "ai-java", "curl")  # fmt: skip
_BROWSERS = ("Chrome", "Safari", "Firefox", "Edg")


@dataclass(frozen=True, slots=True)
class Program:
    """What a gateway sees of a client program."""

    user_agent: str
    tls_ja4: str


def _ja4(seed: int, stack: str, build: int) -> str:
    first, second = hex_ids(mix(seed, sum(stack.encode()), build, np.arange(2)))
    ciphers, extensions = 9 + int(first[:2], 16) % 10, 8 + int(second[:2], 16) % 9
    return f"t13d{ciphers:02d}{extensions:02d}h2_{first[4:]}_{second[4:]}"


class Programs:
    """The client programs of a world: kits, browsers, products; many versions of each.

    Parameters
    ----------
    rng, seed
        Source of randomness, and the seed that the fingerprints hang on.
    """

    def __init__(self, rng: Rng, seed: int) -> None:
        self._seed = seed
        kits = int(rng.integers(25, 220))
        self.all: list[Program] = []
        for at in range(kits):
            kit = _KITS[int(rng.integers(len(_KITS)))]
            agent = f"{kit}/{at % 4}.{rng.integers(0, 90)}.{rng.integers(0, 12)}"
            self.all.append(Program(agent, _ja4(seed, kit, at // 9)))
        self.kit_shares: F64 = rng.permutation(zipf_weights(kits, float(rng.uniform(0.7, 1.4))))
        self.browsers = np.arange(kits, kits + int(rng.integers(8, 40)))
        for at in self.browsers.tolist():
            name = _BROWSERS[at % 4]
            agent = f"Mozilla/5.0 {name}/{120 + at % 14}.0 os{at % 5}"
            self.all.append(Program(agent, _ja4(seed, name, at % 14 // 5)))
        self.browser_shares = zipf_weights(len(self.browsers), float(rng.uniform(0.6, 1.2)))

    def kit(self, rng: Rng, n: int) -> I64:
        """Programs that ``n`` customers use."""
        return pick(rng, self.kit_shares, n)

    def browser(self, rng: Rng, n: int) -> I64:
        """Browsers of ``n`` people."""
        return self.browsers[pick(rng, self.browser_shares, n)]

    def product(self, rng: Rng, name: str, versions: int) -> I64:
        """The versions of a product, newest first; its TLS stack may be a common one."""
        first = len(self.all)
        common = rng.random() < 0.5
        stack = _KITS[int(rng.integers(len(_KITS)))] if common else f"{name}{first}"
        for at in range(versions):
            agent = f"{name}-{first}/{9 - at}.{rng.integers(0, 20)}"
            self.all.append(Program(agent, _ja4(self._seed, stack, 0 if common else at // 2)))
        return np.arange(first, first + versions)


_TEMPERATURES = (0.0, 0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.7, 0.8, 0.9, 1.0, 1.0, 1.2)
_LIMITS = (16, 128, 256, 512, 800, 1_000, 1_024, 1_500, 2_000, 2_048, 4_000, 4_096, 8_192, 16_000)


class Parameters:
    """The sets of request parameters that occur in a world.

    Parameters
    ----------
    rng
        Source of randomness.
    """

    def __init__(self, rng: Rng) -> None:
        self.all: list[dict[str, object]] = [self._drawn(rng) for _ in range(rng.integers(12, 60))]
        self.shares = zipf_weights(len(self.all), float(rng.uniform(0.6, 1.3)))
        self._limits = [self._limit(s) for s in self.all]

    @staticmethod
    def _limit(given: dict[str, object]) -> int:
        limit = given.get("max_tokens")
        return limit if isinstance(limit, int) else 16_000

    @staticmethod
    def _drawn(rng: Rng) -> dict[str, object]:
        out: dict[str, object] = {"operation": "chat"}
        if rng.random() < 0.65:
            out["temperature"] = float(rng.choice(_TEMPERATURES))
        if rng.random() < 0.6:
            out["max_tokens"] = int(rng.choice(_LIMITS[2:]))
        if rng.random() < 0.15:
            out["top_p"] = float(rng.choice([0.8, 0.9, 0.95]))
        if rng.random() < 0.6:
            out["stream"] = bool(rng.random() < 0.5)
        if rng.random() < 0.06:
            out["n"] = int(rng.integers(2, 6))
        if rng.random() < 0.05:
            out["logprobs"] = True
        if rng.random() < 0.1:
            out["operation"] = str(rng.choice(["completion", "batch", "responses"]))
        return out

    def usual(self, rng: Rng, n: int) -> I64:
        """What ``n`` customers usually ask with."""
        return pick(rng, self.shares, n)

    def add(self, **given: object) -> int:
        """A set that somebody made up."""
        self.all.append({"operation": "chat"} | given)
        self._limits.append(self._limit(given))
        return len(self.all) - 1

    def own(self, rng: Rng) -> int:
        """A set as a vendor or an operator would draw it."""
        return self.add(**self._drawn(rng))

    def limits(self) -> I64:
        """Most tokens that each set allows, shape (sets,)."""
        return np.array(self._limits)
