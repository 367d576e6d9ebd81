"""How many accounts of a campaign use each block: counted again in the traffic itself.

An alert names blocks but not how many use them, and none may leave the house unless that is
known. So the sources that a replay has read are read once more; if they are gone, or the alerts
come from live, the traffic has to be given.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import orjson

from analyzer.core.contracts.hashing import block_name
from analyzer.core.contracts.records import Alert, Member
from analyzer.core.ingest.step import IngestStep
from analyzer.formats.reader import reader_of
from analyzer.replay.opening import open_sources
from analyzer.settings import Settings

Counts = dict[str, dict[str, int]]


def sources_of(place: str) -> tuple[str, ...]:
    """The files that a replay has read, if all of them are still there; else none."""
    try:
        summary = orjson.loads((Path(place) / "summary.json").read_bytes())
        names = tuple(map(str, summary["sources"]))
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return ()
    return names if names and all(Path(name).is_file() for name in names) else ()


def members_of(place: str, alerts: list[Alert]) -> dict[str, set[str]]:
    """Accounts by campaign: all members of a replay, or those that alerts have as a sample."""
    found: dict[str, set[str]] = defaultdict(set)
    for alert in alerts:
        found[alert.campaign_id].update(alert.campaign.members_sample)
    path = Path(place) / "members.ndjson"
    if place != "live" and path.is_file():
        for line in path.read_bytes().splitlines():
            member = msgspec.json.decode(line, type=Member)
            found[member.campaign_id].add(member.account_id)
    return found


def count_blocks(
    traffic: tuple[str, ...], members: Mapping[str, set[str]], settings: Settings
) -> Counts:
    """By campaign and block: how many of the campaign's accounts use it."""
    campaigns: dict[str, list[str]] = defaultdict(list)
    for campaign, accounts in members.items():
        for account in accounts:
            campaigns[account].append(campaign)
    users: dict[tuple[str, int], set[str]] = defaultdict(set)
    for source in open_sources(traffic, settings):
        step = IngestStep(settings.core, source=source.partition, source_name=source.name, shards=1)
        step.understand(reader_of(settings.formats, settings.core.max_record_bytes))
        for raw, _ in source.batches():
            for block in step.feed(raw).made:
                rows = block.rows
                names = rows.names.as_dict()
                pairs = np.unique(np.stack([rows.account, rows.block]), axis=1).T.tolist()
                for account_hash, place in pairs:
                    account = names.get(account_hash, "")
                    for campaign in campaigns.get(account, ()) if place else ():
                        users[campaign, place].add(account)
    counts: Counts = defaultdict(dict)
    for (campaign, place), accounts in users.items():
        counts[campaign][block_name(place)] = len(accounts)
    return counts
