"""What explain tells of a small world is what the world holds."""

from __future__ import annotations

import io
from collections import Counter
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from rich.console import Console

from analyzer.cli import app
from analyzer.exchange.case import Case
from analyzer.exchange.explain_text import render
from analyzer.exchange.explanation import Explanation, explanation_of
from analyzer.exchange.timeline import timeline

HOSTILE = "[bold red]\x1b[31m\u202e<script>alert(1)</script>&"


def explained(world: Any, name: str, *more: str) -> Explanation:
    """What the command says as JSON."""
    args = ["explain", name, "--from", world.out, "--json", *more]
    result = CliRunner().invoke(app, args)
    assert result.exit_code == 0, result.output
    return msgspec.json.decode(result.output, type=Explanation)


def test_exposure_is_what_the_members_took(world: Any) -> None:
    """Requests and output tokens by model, template and day, before and after the first alert."""
    found = explained(world, world.alerts[0].campaign_id).exposure
    mine = world.of({m.account_id for m in world.members})
    first = world.alerts[0].detected_at_ms
    assert found.counted
    assert (found.requests, found.output_tokens) == (len(mine), tokens(mine))
    assert found.before.output_tokens == tokens([e for e in mine if e["timestamp_ms"] < first])
    assert found.after.requests == sum(e["timestamp_ms"] >= first for e in mine)
    by_model: Counter[str] = Counter()
    for event in mine:
        by_model[event["model"]] += event["output_tokens"]
    assert {a.name: a.output_tokens for a in found.by_model} == by_model
    for amounts in (found.by_model, found.by_template, found.by_day):
        assert sum(a.requests for a in amounts) == len(mine)
    named = {a.name: a.requests for a in found.by_template if a.name.startswith("tpl-")}
    assert named == Counter(e["prompt_template_id"] for e in mine if e.get("prompt_template_id"))
    inside = [m for m in world.members if m.state == "member"]
    assert found.blast.members == len(inside)
    assert found.blast.unsure == sum(m.membership < 0.8 for m in inside)
    assert set(found.marked_answers) <= {m.account_id for m in inside if m.membership >= 0.8}


def tokens(events: list[dict[str, Any]]) -> int:
    """Output tokens of these events."""
    return sum(event["output_tokens"] for event in events)


def test_shares_are_with_as_many_others_as_told(world: Any) -> None:
    """Each object that a member shares is used by so many other members."""
    fields = {
        "prompt template": "prompt_template_id",
        "card": "payment_ref",
        "client": "user_agent",
    }
    mine = world.of({m.account_id for m in world.members})
    checked = 0
    for person in explained(world, world.alerts[0].campaign_id).members:
        for share in person.shares:
            if (name := fields.get(share.kind)) and not share.name.startswith("family-"):
                users = {e["account_id"] for e in mine if e.get(name) == share.name}
                assert person.account_id in users
                assert len(users) - 1 == share.members
                checked += 1
    assert checked > len(world.members)


def test_an_account_leads_to_its_campaign(world: Any) -> None:
    """Asked for an account, only it is listed; the case is the campaign's."""
    account = world.members[0].account_id
    found = explained(world, account, "--no-traffic")
    assert (found.account_id, found.campaign_id) == (account, world.members[0].campaign_id)
    assert [person.account_id for person in found.members] == [account]
    assert not found.exposure.counted


def test_the_timeline_tells_every_alert_in_order(world: Any) -> None:
    """First activity, first evidence, each alert, everybody who joined."""
    found = explained(world, world.alerts[0].campaign_id, "--no-traffic")
    assert [m.at_ms for m in found.timeline] == sorted(m.at_ms for m in found.timeline)
    assert found.timeline[0].what == "activity"
    alerts = [m.at_ms for m in found.timeline if m.what == "alert"]
    assert alerts == [alert.detected_at_ms for alert in world.alerts]
    joined = [m.text for m in found.timeline if m.what == "members"]
    assert sum(int(text.split()[0]) for text in joined) == len(world.members)
    last = world.alerts[-1]
    assert [e.reading for e in found.signals] == last.signals
    assert found.verdict == last.verdict


def test_a_changed_kind_is_told_with_its_reason(world: Any) -> None:
    """The reason is the alert's own."""
    first, second = world.alerts[:2]
    changed = msgspec.structs.replace(
        second,
        kind="reseller_pool",
        summary="Pool. Changed: no longer taken for extraction: x rose.",
    )
    told = [m.text for m in timeline(Case([first, changed], None, [])) if m.what == "alert"]
    assert (
        "no longer taken for extraction campaign: no longer taken for extraction: x rose" in told[1]
    )


def test_who_is_unknown_is_told_with_what_is_known(world: Any) -> None:
    """A wrong name is wrong usage, and says which campaigns there are."""
    result = CliRunner().invoke(app, ["explain", "nobody", "--from", world.out])
    assert result.exit_code != 0
    assert world.alerts[0].campaign_id in str(result.exception)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_terminal_holds_whatever_comes(world: Any, width: int) -> None:
    """Within the width, with markup and control codes of names made harmless."""
    members = [msgspec.structs.replace(m, account_id=HOSTILE + m.account_id) for m in world.members]
    told = explanation_of(Case(world.alerts, None, members), None, None)
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(render(told, members=5))
    text = console.file.getvalue()  # type: ignore[attr-defined] # a StringIO
    assert max(map(len, text.splitlines())) <= width
    assert "\x1b" not in text
    assert "\u202e" not in text
    for word in ("What happened", "Why", "What speaks against it", "What to do"):
        assert word in text
