"""The fixed things that traffic is made of: clients, models, sampling parameters, gateways."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzer.simulate.draws import F64, hex_ids, mix, zipf_weights

_SDKS = (
    # user agent, share: a few versions of a few kits carry most traffic.
    ("llm-python/1.61.0", 0.17), ("llm-python/1.58.1", 0.09), ("llm-node/4.77.0", 0.10),
    ("llm-python/1.40.2", 0.05), ("llm-node/4.52.7", 0.04), ("python-httpx/0.27.2", 0.05),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/132.0", 0.07),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Safari/18.2", 0.04),
    ("langflow-core/0.3.29", 0.05), ("okhttp/4.12.0", 0.03), ("python-requests/2.32.3", 0.05),
    ("llm-java/0.22.0", 0.03), ("Go-http-client/2.0", 0.03), ("axios/1.7.9", 0.03),
)  # fmt: skip
_TAIL_KITS = ("llm-python", "llm-node", "aiohttp", "axios", "node-fetch", "llm-rs", "llm-ruby",
              "llm-go", "guzzle", "curl", "reqwest", "okhttp")  # fmt: skip
_TAIL = 170
DOMINANT_CLIENTS = 14


@dataclass(frozen=True, slots=True)
class Client:
    """What a gateway sees of a client program."""

    user_agent: str
    tls_ja4: str


def _ja4(kit: str, build: int) -> str:
    stack = hex_ids(mix(sum(kit.encode()), build, np.arange(2)))
    ciphers, extensions = 10 + int(stack[0][:2], 16) % 9, 8 + int(stack[1][:2], 16) % 9
    return f"t13d{ciphers:02d}{extensions:02d}h2_{stack[0][4:]}_{stack[1][4:]}"


def _clients() -> tuple[list[Client], F64]:
    head = [Client(agent, _ja4(agent.partition("/")[0], 0)) for agent, _ in _SDKS]
    tail = [
        Client(
            f"{_TAIL_KITS[at % len(_TAIL_KITS)]}/{at % 5}.{at * 7 % 31}.{at * 3 % 10}",
            _ja4(_TAIL_KITS[at % len(_TAIL_KITS)], at // 24),
        )
        for at in range(_TAIL)
    ]
    shares = np.array([share for _, share in _SDKS])
    rest = zipf_weights(_TAIL, 0.9) * (1 - shares.sum())
    return head + tail, np.concatenate([shares, rest])


CLIENTS, CLIENT_SHARES = _clients()

MODELS = ("large-4", "small-4", "large-3", "code-2", "large-5")
MODEL_SHARES = np.array([0.42, 0.30, 0.13, 0.15])
"""Shares before the release of the last model, which starts with none."""
NEW_MODEL = len(MODELS) - 1


@dataclass(frozen=True, slots=True)
class Sampling:
    """Parameters sent along with a request; ``None`` is not sent."""

    share: float
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    n: int | None = None
    logprobs: bool | None = None
    stream: bool | None = None
    operation: str = "chat"


SAMPLINGS = (
    Sampling(0.17), Sampling(0.14, stream=True), Sampling(0.10, temperature=0.7),
    Sampling(0.08, temperature=0.0), Sampling(0.07, temperature=0.7, max_tokens=1024),
    Sampling(0.06, temperature=1.0, max_tokens=4096), Sampling(0.05, max_tokens=2048, stream=True),
    Sampling(0.05, temperature=0.2, max_tokens=512),
    Sampling(0.04, temperature=0.0, max_tokens=256),
    Sampling(0.03, temperature=0.9, top_p=0.95), Sampling(0.03, temperature=1.0, max_tokens=8192),
    Sampling(0.03, temperature=0.6, top_p=0.95, max_tokens=4096),
    Sampling(0.02, temperature=0.7, n=2), Sampling(0.02, temperature=1.0, n=4, max_tokens=2048),
    Sampling(0.02, temperature=0.0, max_tokens=16, logprobs=True),
    Sampling(0.01, temperature=0.7, logprobs=True), Sampling(0.03, operation="completion"),
    Sampling(0.02, temperature=0.3, operation="batch"), Sampling(0.02, temperature=0.5),
    Sampling(0.01, temperature=0.8, top_p=0.9, max_tokens=3000),
)  # fmt: skip
SAMPLING_SHARES = np.array([sampling.share for sampling in SAMPLINGS])
LONG_SAMPLINGS = (5, 10, 11, 6)
"""Those that ask for long answers; innocents use them too."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A producer of events and what it leaves out."""

    share: float
    lacks: frozenset[str] = frozenset()


GATEWAYS = (
    Gateway(0.58),
    Gateway(0.12, frozenset({"tls_ja4"})),
    Gateway(0.09, frozenset({"payment_ref", "signup_ref"})),
    Gateway(0.06, frozenset({"prompt_template_id"})),
    Gateway(0.05, frozenset({"client_ip", "tls_ja4", "prompt_hash"})),
    Gateway(0.05, frozenset({"org_id", "account_created_ms", "payment_ref", "signup_ref"})),
    Gateway(0.05, frozenset({"prompt_hash", "user_agent", "reasoning_tokens", "latency_ms"})),
    Gateway(0.0, frozenset({"prompt_template_id", "prompt_hash"})),
)
"""A gateway that lacks ``client_ip`` sends ``ip_prefix`` instead. The last one sends
``prompt_text``; a world says how many customers come through it."""
TEXT_GATEWAY = len(GATEWAYS) - 1
GATEWAY_SHARES = np.array([gateway.share for gateway in GATEWAYS])


@dataclass(frozen=True, slots=True)
class Region:
    """A country with its clock and its share of customers."""

    country: str
    tz_h: float
    share: float


REGIONS = (
    Region("US", -5, 0.27), Region("US", -8, 0.18), Region("GB", 0, 0.08), Region("DE", 1, 0.09),
    Region("FR", 1, 0.05), Region("IN", 5.5, 0.08), Region("JP", 9, 0.05), Region("BR", -3, 0.06),
    Region("KR", 9, 0.03), Region("SG", 8, 0.03), Region("VN", 7, 0.02), Region("PL", 1, 0.03),
    Region("AU", 10, 0.03),
)  # fmt: skip
REGION_SHARES = np.array([region.share for region in REGIONS])
