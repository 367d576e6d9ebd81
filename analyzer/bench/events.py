"""Events to measure with: any number, any number of accounts, the same every time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

CHUNK = 50_000
LENGTH_S = 6 * 3_600
TEMPLATES = 2_000
MODELS = ("small-3", "medium-3", "large-3", "large-4")
AGENTS = ("llm-python/1.61.0", "llm-node/4.9.1", "Go-http-client/2.0", "curl/8.5.0")
END_BEFORE_NOW_S = 3_600
KEYS: dict[str, Callable[[dict[str, Any]], str]] = {
    "account": lambda event: event["account_id"],
    "block": lambda event: event["client_ip"].rpartition(".")[0],
    "template": lambda event: event["prompt_template_id"],
}
"""What peers count by, from a decoded event: what the worker keeps statistics of."""
WINDOWS = 3
"""In how many of our windows peers count, the shortest first."""


def events(count: int, accounts: int, seed: int = 7) -> Iterator[bytes]:
    """Events of about 400 bytes in time order, ending shortly before now.

    Parameters
    ----------
    accounts
        How many there are; each is its own organisation in two of three cases.
    """
    rng = np.random.default_rng(seed)
    start_ms = (int(time.time()) - END_BEFORE_NOW_S - LENGTH_S) * 1_000  # noqa: TID251 - an adapter owns the clock
    for first in range(0, count, CHUNK):
        n = min(CHUNK, count - first)
        at = start_ms + (np.arange(first, first + n) * LENGTH_S * 1_000) // count
        account = rng.integers(0, accounts, n)
        template = (rng.pareto(1.2, n) * 5).astype(np.int64) % TEMPLATES
        prompt = rng.integers(0, 2**40, n)
        tokens = rng.integers(1, 4_000, (n, 2))
        columns = (at, account, template, prompt, tokens[:, 0], tokens[:, 1])
        for i, row in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
            yield _event(first + i, row)


def _event(number: int, row: tuple[int, ...]) -> bytes:
    at, account, template, prompt, tokens_in, tokens_out = row
    org = account // 3 if account % 3 == 0 else account
    return (
        f'{{"schema_version":1,"event_id":"event-{number:010x}","timestamp_ms":{at},'
        f'"account_id":"acct-{account:08x}","org_id":"org-{org:08x}",'
        f'"client_ip":"10.{account >> 16 & 255}.{account >> 8 & 255}.{account & 255}",'
        f'"user_agent":"{AGENTS[account % 4]}","prompt_template_id":"tpl-{template:04x}",'
        f'"model":"{MODELS[account % 4]}","input_tokens":{tokens_in},'
        f'"output_tokens":{tokens_out},"status":"ok","operation":"chat","stream":true,'
        f'"latency_ms":{tokens_out},"api_key_id":"key-{account:08x}",'
        f'"prompt_hash":"{prompt:016x}"}}'
    ).encode()
