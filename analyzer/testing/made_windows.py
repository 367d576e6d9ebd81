"""Windows made by hand: a few requests, counted as the cohort step would count them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.population import Population
from analyzer.core.cohort.window import Window
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.contracts.pane_columns import PaneColumns
from analyzer.core.kernels.interned_names import Names

ACCOUNT = 1 << 40
"""Added to an organisation's key: its one account."""


class Request(NamedTuple):
    """One request of an organisation."""

    org: int
    objects: tuple[tuple[Kind, int], ...]
    """What it used, by kind and hash."""
    part: int = 0
    """Pane of the window in which it came."""
    prompt: int = 0
    """Hash of what was asked; 0 for none."""
    log_output: int = 5_000_000
    """10⁶ · ln(output tokens + 1)."""


def day(requests: Iterable[Request], config: CoreConfig | None = None) -> Window:
    """The window of a day that these requests fill."""
    return window(requests, DAY_S, config or CoreConfig())


def window(requests: Iterable[Request], length_s: int, config: CoreConfig) -> Window:
    """A window of one of the configured lengths, the first of all."""
    panes = length_s // config.pane_s
    start = 1_000 * config.windows[-1].length_s // config.pane_s
    by_pane: dict[int, list[Request]] = {}
    for request in requests:
        by_pane.setdefault(start + request.part % panes, []).append(request)
    population = Population(config)
    for pane in sorted(by_pane):
        population.advance(pane)
        population.ingest(pane, _pane(pane, by_pane[pane]))
    population.advance(start + panes)
    number = [span.length_s for span in config.windows].index(length_s)
    return Window(config, population, number, start + panes)


def _pane(pane: int, requests: list[Request]) -> PaneColumns:
    orgs = sorted(Counter(request.org for request in requests).items())
    pairs = sorted(Counter((r.org, *used) for r in requests for used in r.objects).items())
    templates = sorted(Counter(h for r in requests for h in _templates(r)).items())
    prompts = sorted(
        Counter((r.org, h, r.prompt) for r in requests for h in _templates(r) if r.prompt).items()
    )
    outputs, on_template = Counter[int](), Counter[int]()
    for request in requests:
        outputs[request.org] += request.log_output
        on_template.update(dict.fromkeys(_templates(request), request.log_output))
    org, count = _column(o for o, _ in orgs), _numbers(n for _, n in orgs)
    each = np.ones(len(orgs), np.int64)
    hashes = {h: f"object-{h}" for (_, _, h), _ in pairs}
    names = {o + ACCOUNT: f"account-{o}" for o, _ in orgs}
    return PaneColumns(
        org_pane=pane * each,
        org=org,
        org_requests=count,
        org_log_output=_numbers(outputs[o] for o, _ in orgs),
        org_output_tokens=count * 148,
        org_created_ms=-each,
        account_pane=pane * each,
        account=org + np.uint64(ACCOUNT),
        account_org=org,
        account_requests=count,
        account_first_ms=pane * 600_000 * each,
        account_last_ms=pane * 600_000 * each,
        pair_pane=np.full(len(pairs), pane),
        pair_org=_column(o for (o, _, _), _ in pairs),
        pair_kind=_numbers(int(k) for (_, k, _), _ in pairs).astype(np.uint8),
        pair_object=_column(h for (_, _, h), _ in pairs),
        pair_requests=_numbers(n for _, n in pairs).astype(np.int32),
        prompt_pane=np.full(len(prompts), pane),
        prompt_org=_column(o for (o, _, _), _ in prompts),
        prompt_template=_column(h for (_, h, _), _ in prompts),
        prompt=_column(p for (_, _, p), _ in prompts),
        prompt_requests=_numbers(n for _, n in prompts),
        template_pane=np.full(len(templates), pane),
        template=_column(h for h, _ in templates),
        template_requests=_numbers(n for _, n in templates),
        template_log_output=_numbers(on_template[h] for h, _ in templates),
        names=Names.of(hashes | names),
    )


def _templates(request: Request) -> list[int]:
    return [h for kind, h in request.objects if kind == Kind.TEMPLATE]


def _column(values: Iterable[int]) -> NDArray[np.uint64]:
    return np.fromiter(values, np.uint64)


def _numbers(values: Iterable[int]) -> NDArray[np.int64]:
    return np.fromiter(values, np.int64)
