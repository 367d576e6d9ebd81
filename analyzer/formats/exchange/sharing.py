"""What may leave the house: address blocks that many accounts use, and no account ever.

A block that few accounts use, or one of people's homes and phones, points at persons. A block is
named only if it is known that at least ``k`` accounts of the campaign use it and its network is
neither residential nor mobile.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from analyzer.core.contracts.records import Alert
from analyzer.formats.networks import Networks

PRIVATE = frozenset({"residential", "mobile"})


def shared_blocks(
    alert: Alert, accounts: Mapping[str, int], k: int, networks: Networks
) -> list[str]:
    """The blocks of an alert that may be named, in their plainest spelling.

    Parameters
    ----------
    accounts
        How many accounts of the campaign use each block; one that is not there is not known.
    """
    return [
        str(ipaddress.ip_network(block))  # two spellings would be two indicators
        for block in alert.campaign.blocks
        if accounts.get(block, 0) >= k and networks.of(block).kind not in PRIVATE
    ]


def latest(alerts: list[Alert]) -> list[Alert]:
    """The last alert of each campaign, in the order of their first ones."""
    found: dict[str, Alert] = {}
    for alert in alerts:
        if alert.campaign_id not in found or alert.revision >= found[alert.campaign_id].revision:
            found[alert.campaign_id] = alert
    return list(found.values())
