"""An explanation on a terminal, of any width from 40 columns on.

Text from outside never reaches rich's markup or the terminal's control codes.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from analyzer.core.contracts.records import Condition
from analyzer.exchange.explanation import Evidence, Explanation, Person
from analyzer.exchange.exposure import Amount, Exposure
from analyzer.exchange.shares import Share
from analyzer.exchange.timeline import Moment
from analyzer.formatting import KINDS, clean, moment, sentence, span, sureness

BAR = 8
SHOWN = 5
"""Models, templates and days; the rest is in the JSON."""


def render(told: Explanation, members: int) -> RenderableType:
    """All of it, the most needed first.

    Parameters
    ----------
    members
        How many members to show.
    """
    return Group(
        Text.assemble(
            (f"{told.severity.upper()} {KINDS[told.kind]}", "bold"),  # type: ignore[index]
            (
                f"  {clean(told.campaign_id, 40)} · {told.state} · {sureness(told.confidence)}",
                "dim",
            ),
        ),
        Text(clean(told.summary)),
        *_section("What happened", _timeline(told.timeline)),
        *_section("Why", _evidence(told.signals)),
        *_section("What speaks against it", _evidence(told.counter_evidence)),
        *_section("What the verdict rests on", _verdict(told.verdict)),
        *_section(_who(told), _members(told.members[:members], len(told.members))),
        *_section("What was taken", _exposure(told.exposure)),
        *_section("What to do", _steps(told)),
    )


def _section(title: str, body: RenderableType) -> tuple[RenderableType, ...]:
    return Text(), Text(title, style="bold underline"), Padding(body, (0, 0, 0, 2))


def _grid(rows: Iterable[tuple[Text | str, ...]]) -> Table:
    """Columns as narrow as they are, the last as wide as there is room."""
    rows = list(rows)
    table = Table.grid(padding=(0, 2))
    for column in range(len(rows[0]) if rows else 0):
        last = column == len(rows[0]) - 1
        table.add_column(no_wrap=not last, ratio=1 if last else None)
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return table


def _nothing(text: str) -> Text:
    return Text(text, style="dim")


def _timeline(moments: list[Moment]) -> RenderableType:
    return _grid((Text(moment(m.at_ms), style="dim"), clean(m.text)) for m in moments)


def _evidence(found: list[Evidence]) -> RenderableType:
    if not found:
        return _nothing("nothing found")
    return _grid(
        (_bar(e.reading.value, e.reading.baseline), Text(span(e.reading.window_s), style="dim"),
         sentence(e.reading))
        for e in found
    )  # fmt: skip


def _bar(value: float, baseline: float) -> Text:
    """The value as a bar, with a mark where the usual ends."""
    filled, usual = (round(min(1.0, max(0.0, x)) * BAR) for x in (value, baseline))
    cells = ["█" if i < filled else "░" for i in range(BAR)]
    if usual < BAR:
        cells[usual] = "┃" if usual >= filled else "▌"
    return Text("".join(cells))


def _verdict(conditions: list[Condition]) -> RenderableType:
    if not conditions:
        return _nothing("no conditions were told")
    return _grid(("✓" if c.holds else "✗", clean(c.sentence)) for c in conditions)


def _who(told: Explanation) -> str:
    if told.account_id is not None:
        return f"The account {clean(told.account_id, 80)}"
    blast = told.exposure.blast
    return (
        f"Who: {blast.members:,} accounts of {blast.organisations:,} organisations, "
        f"{blast.unsure:,} below 0.8"
    )


def _members(members: list[Person], total: int) -> RenderableType:
    rows: list[tuple[Text | str, ...]] = [
        (
            f"{person.membership:.2f}",
            clean(person.account_id, 40),
            _member(person),
        )
        for person in members
    ]
    more = total - len(members)
    if not rows:
        return _nothing("nobody is a member")
    if not more:
        return _grid(rows)
    return Group(_grid(rows), _nothing(f"and {more:,} more: --members N, or --json"))


def _member(person: Person) -> str:
    released = "released; " if person.state == "released" else ""
    shares = "; ".join(map(_share, person.shares[:3]))
    since = f"since {moment(person.joined_ms)}, {person.requests:,} requests"
    return f"{released}{since}{'; shares ' + shares if shares else ''}"


def _share(share: Share) -> str:
    return f"{share.kind} {clean(share.name, 40)} with {share.members:,} others"


def _exposure(found: Exposure) -> RenderableType:
    blast = found.blast
    lines: list[RenderableType] = [
        Text(f"{found.requests:,} requests, {found.output_tokens:,} output tokens")
    ]
    if found.counted:
        lines[0] = Text(
            f"{found.requests:,} requests, {found.output_tokens:,} output tokens, "
            f"{found.prompts:,} different prompts: {found.before.output_tokens:,} output tokens "
            f"before the first alert, {found.after.output_tokens:,} after"
        )
        for name, amounts in (
            ("by model", found.by_model),
            ("by template", found.by_template),
            ("by day", found.by_day),
        ):
            lines.append(Text(f"{name}: {_amounts(amounts)}"))
    age = "unknown" if blast.median_age_days is None else f"{blast.median_age_days:,.1f} days"
    lines.append(
        Text(
            f"an action on all would touch {blast.members:,} accounts of "
            f"{blast.organisations:,} organisations; median age {age}, "
            f"{blast.older_than_a_month:,} older than a month; {blast.unsure:,} below 0.8"
        )
    )
    if found.marked_answers:
        names = ", ".join(clean(name, 60) for name in found.marked_answers)
        lines.append(Text(f"for proof, serve marked answers to: {names}"))
    return Group(*lines)


def _amounts(amounts: list[Amount]) -> str:
    shown = ", ".join(f"{clean(a.name, 40)} {a.output_tokens:,}" for a in amounts[:SHOWN])
    more = len(amounts) - SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown or "none"


def _steps(told: Explanation) -> RenderableType:
    steps = [f"{n}. {clean(step)}" for n, step in enumerate(told.next_steps, 1)]
    return Text("\n".join([*steps, f"Runbook: {clean(told.runbook_url)}"]))
