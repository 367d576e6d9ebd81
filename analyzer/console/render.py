"""An alert on a terminal: what, who, since when, why, what speaks against it, what to do.

Text from outside never reaches rich's markup or the terminal's control codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from analyzer.formatting import KINDS, clean, moment, sentence, some, span, sureness

if TYPE_CHECKING:
    from collections.abc import Callable

    from analyzer.core.contracts.records import Alert, Severity, SignalReading

COLOURS: dict[Severity, str] = {
    "info": "blue",
    "low": "blue",
    "medium": "yellow",
    "high": "dark_orange",
    "critical": "bold red",
}
BAR = 8
FULL = {"opened", "escalated"}
"""Activities told at length; the others repeat most of what was said."""


def printer(console: Console | None = None) -> Callable[[Alert], None]:
    """A function that writes one alert to the terminal, all at once."""
    console = console or Console(highlight=False, soft_wrap=False)

    def show(alert: Alert) -> None:
        console.print(render(alert))
        console.file.flush()

    return show


def render(alert: Alert) -> Panel:
    """The alert as a panel."""
    colour = COLOURS[alert.severity]
    return Panel(
        Group(Text(clean(alert.summary), style="bold"), Text(), _rows(alert, colour)),
        title=headline(alert),
        title_align="left",
        subtitle=_origin(alert),
        subtitle_align="right",
        border_style=colour,
        padding=(0, 1),
    )


def headline(alert: Alert) -> Text:
    """Severity, kind and what happened, in one line."""
    colour = COLOURS[alert.severity]
    return Text.assemble(
        (f"{alert.severity.upper()} ", f"bold {colour}"),
        (f"{KINDS[alert.kind]} {alert.activity}", "bold"),
        (f"  {moment(alert.detected_at_ms)}", "dim"),
    )


def _rows(alert: Alert, colour: str) -> Table:
    full = alert.activity in FULL
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(ratio=1)
    table.add_row("Who", _who(alert))
    table.add_row("Since", _since(alert))
    table.add_row("Volume", _volume(alert))
    table.add_row("Why", _readings(alert.signals[: 6 if full else 3], colour))
    table.add_row("Against", _readings(alert.counter_evidence[:4], "green"))
    table.add_row("Do now", _steps(alert, alert.next_steps if full else alert.next_steps[:1]))
    return table


def _who(alert: Alert) -> Text:
    facts = alert.campaign
    names, more = some(facts.members_sample, 4, facts.members_total)
    rest = f" and {more:,} more" if more else ""
    return Text(f"{', '.join(names)}{rest}")


def _since(alert: Alert) -> Text:
    length = span((alert.last_event_ms - alert.first_event_ms) / 1_000)
    return Text(f"{moment(alert.first_event_ms)} ({length} of activity)")


def _volume(alert: Alert) -> Text:
    facts = alert.campaign
    models, more = some(facts.models, 3)
    rest = f" and {more} more" if more else ""
    return Text(
        f"{facts.requests:,} requests, {facts.output_tokens:,} output tokens "
        f"from {', '.join(models) or 'unknown models'}{rest}"
    )


def _readings(readings: list[SignalReading], colour: str) -> RenderableType:
    if not readings:
        return Text("nothing found", style="dim")
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for reading in readings:
        table.add_row(_bar(reading.value, colour), _over(reading), Text(sentence(reading)))
    return table


def _over(reading: SignalReading) -> Text:
    return Text(span(reading.window_s), style="dim")


def _bar(value: float, colour: str) -> Text:
    filled = round(min(1.0, max(0.0, value)) * BAR)
    return Text.assemble(("█" * filled, colour), ("░" * (BAR - filled), "dim"))


def _steps(alert: Alert, steps: list[str]) -> Text:
    lines = [f"{number}. {clean(step)}" for number, step in enumerate(steps, 1)]
    return Text("\n".join([*lines, f"Runbook: {clean(alert.runbook_url)}"]))


def _origin(alert: Alert) -> Text:
    replay = " · replay" if alert.provenance.replay else ""
    return Text(
        f"campaign {clean(alert.campaign_id, 40)} · rev {alert.revision} · "
        f"{sureness(alert.confidence)}{replay}",
        style="dim",
    )
