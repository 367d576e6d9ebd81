"""The truth about an economy in the form that every simulated world's labels have."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from analyzer.simulate.draws import Bools
from analyzer.simulate.economy.assemble import Requests
from analyzer.simulate.economy.world import World
from analyzer.simulate.economy.writer import account_ids
from analyzer.simulate.world import CampaignLabel, Labels, LookalikeLabel


def labels(world: World, requests: Requests, span_ms: tuple[int, int]) -> Labels:
    """Campaigns with their accounts, resellers' pools among them, and innocent groups.

    Parameters
    ----------
    world, requests
        A finished world.
    span_ms
        Start and end, epoch ms.
    """
    members: dict[str, list[int]] = defaultdict(list)
    for account in np.unique(requests.account).tolist():
        for part in world.labels[account].split("+"):
            members[part].append(account)
        if account in world.groups:
            members[world.groups[account]].append(account)
    names = account_ids(world)
    reported = [x for x in members if x.startswith(("campaign:", "reseller:"))]
    return Labels(
        scenario="economy", seed=world.seed, start_ms=span_ms[0], end_ms=span_ms[1],
        campaigns=[_campaign(requests, names, name, members[name]) for name in sorted(reported)],
        lookalikes=[
            LookalikeLabel(
                id=name, type=name.partition("#")[0],
                accounts=sorted(names[a] for a in members[name]),
            )
            for name in sorted(members)
            if "#" in name and not name.startswith("reseller#")
        ],
        requests=len(requests), benign_requests=int((requests.operation < 0).sum()),
        organisations=len(np.unique(world.habit("org")[np.unique(requests.account)])),
        accounts=len(np.unique(requests.account)),
    )  # fmt: skip


def _campaign(
    requests: Requests, names: list[str], name: str, accounts: list[int]
) -> CampaignLabel:
    kind, _, number = name.partition(":")
    pool = kind == "reseller"
    rows: Bools = np.isin(requests.account, accounts)
    work = rows if pool else (requests.operation == int(number)) & (requests.work == 1)
    times = requests.ts_ms[work]
    return CampaignLabel(
        id=name, kind="reseller_pool" if pool else "extraction_campaign", family="economy",
        accounts=sorted(names[a] for a in accounts), requests=int(rows.sum()),
        extraction_requests=0 if pool else len(times),
        first_ms=int(times.min(initial=requests.ts_ms[-1])), last_ms=int(times.max(initial=0)),
    )  # fmt: skip
