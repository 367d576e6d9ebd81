"""``analyzer explain``: why a campaign or an account was named."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from rich.console import Console

from analyzer.exchange.block_counts import sources_of
from analyzer.exchange.case import Case, case_of, cases_of
from analyzer.exchange.explain_text import render
from analyzer.exchange.explanation import explanation_of
from analyzer.exchange.traffic import Traffic, traffic_of
from analyzer.settings import Settings


@click.command(epilog="Example: analyzer explain acct-5a3cff937265e828 --from results")
@click.argument("name", metavar="CAMPAIGN|ACCOUNT")
@click.option(
    "--from", "place", default="live", show_default=True, help="Folder of a replay, or live."
)
@click.option(
    "--traffic",
    multiple=True,
    help="Raw records in which to count exposure, and what members share; without it those that "
    "the replay has read, if they are still there.",
)
@click.option("--no-traffic", is_flag=True, help="Read no raw records: quick, without exposure.")
@click.option(
    "--members", type=click.IntRange(min=0), default=20, show_default=True,
    help="Members to show; --json has all.",
)  # fmt: skip
@click.option("--config", type=click.Path(path_type=Path), help="TOML file of settings.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def explain(
    *,
    name: str,
    place: str,
    traffic: tuple[str, ...],
    no_traffic: bool,
    members: int,
    config: Path | None,
    as_json: bool,
) -> None:
    """Tell why a campaign was named, or an account: what happened, who, how sure, what if.

    The timeline, each signal beside what is usual, what spoke against, what the verdict rests on
    and what would have changed it, the members with what they share, and what was taken.
    """
    settings = Settings.load(config)
    case, member = case_of(name, cases_of(place, settings))
    read = () if no_traffic else traffic or sources_of(place)
    found = explanation_of(case, member, _requests(case, read, settings))
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    Console(highlight=False).print(render(found, members))
    if not found.exposure.counted and not no_traffic:
        click.echo("exposure is not counted: give --traffic with the raw records", err=True)


def _requests(case: Case, sources: tuple[str, ...], settings: Settings) -> Traffic | None:
    if not sources:
        return None
    accounts = {member.account_id for member in case.members}
    return traffic_of(sources, accounts, settings)
