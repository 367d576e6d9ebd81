"""An alert as Slack's Block Kit, within Slack's limits and with outside text made harmless.

References
----------
Block Kit: a message has at most 50 blocks, a header 150 characters, a section 3,000, a field
2,000. In mrkdwn ``&``, ``<`` and ``>`` must be escaped; ``<!…>`` and ``<@…>`` call people.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from analyzer.core.campaign.evidence.wording import counted
from analyzer.formatting import KINDS, clean, clip, moment, sentence, some, span, sureness

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analyzer.core.contracts.records import Alert, SignalReading

HEADER, SECTION, FIELD = 150, 3_000, 2_000
SHOWN_MEMBERS, SHOWN_SIGNALS = 8, 6
NOTHING = "Nothing found."
MARKS = {"info": "🔵", "low": "🔵", "medium": "🟡", "high": "🟠", "critical": "🔴"}

_CALLS = re.compile(r"@(?=here\b|channel\b|everyone\b)", re.IGNORECASE)
_FORMATS = re.compile(r"[*~`]|(?<!\w)_|_(?!\w)")
_JOINER = "\u2060"  # invisible, and enough that no client reads a call


def message(alert: Alert) -> dict[str, Any]:
    """The body of the POST."""
    return {
        "text": escape(clip(f"{_title(alert)}: {clean(alert.summary)}", 500)),
        "mrkdwn": False,
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [
            {"type": "header", "text": _plain(_title(alert), HEADER)},
            {"type": "section", "text": _plain(alert.summary, SECTION)},
            {"type": "section", "fields": _fields(alert)},
            _section(_of_all(alert), [_who(alert)]),
            _section("Why (of the members active in that time)", _reasons(alert.signals)),
            _section(_against(alert), _reasons(alert.counter_evidence) or [NOTHING]),
            _section("Next steps", _steps(alert)),
            {"type": "divider"},
            {"type": "context", "elements": [_markdown(_origin(alert), FIELD)]},
        ],
    }


def digest_message(text: str) -> dict[str, Any]:
    """The body of a POST that tells old news."""
    return {
        "text": escape(clip(clean(text), 500)),
        "mrkdwn": False,
        "parse": "none",
        "link_names": False,
        "blocks": [{"type": "section", "text": _plain(text, SECTION)}],
    }


def escape(text: str) -> str:
    """Text that Slack shows as it is: no markup, no mention, no call.

    Examples
    --------
    >>> escape("<!channel> & <@U1>")
    '&lt;!channel&gt; &amp; &lt;@U1&gt;'
    """
    for raw, safe in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(raw, safe)
    return _CALLS.sub("@" + _JOINER, text)


def code(text: str) -> str:
    """Text from outside as inline code, in which Slack formats nothing."""
    return f"`{escape(clean(text, 80)).replace('`', chr(39)) or ' '}`"


def _title(alert: Alert) -> str:
    past = "REPLAY · " * alert.provenance.replay
    head = f"{MARKS[alert.severity]} {past}{alert.severity.upper()}"
    return f"{head} · {KINDS[alert.kind]} {alert.activity}"


def _fields(alert: Alert) -> list[dict[str, Any]]:
    facts = alert.campaign
    models, more = some(facts.models, 3)
    accounts = counted(facts.members_total, "account")
    rows = [
        ("Kind", KINDS[alert.kind]),
        ("Severity", escape(f"{alert.severity}, {sureness(alert.confidence)}")),
        ("Members", f"{accounts}, {counted(facts.organisations, 'organisation')}"),
        ("Volume", f"{facts.requests:,} requests, {facts.output_tokens:,} output tokens"),
        ("Since", moment(alert.first_event_ms)),
        ("Decided", moment(alert.detected_at_ms)),
        ("Models", " ".join(map(code, models)) + _and_more(more) if models else "unknown"),
        ("Campaign", code(alert.campaign_id)),
    ]
    return [_markdown(f"*{name}*\n{value}", FIELD) for name, value in rows]


def _against(alert: Alert) -> str:
    """What is no extraction has its counter-evidence for it: unrelated customers look so."""
    is_extraction = alert.kind in {"extraction_campaign", "account_anomaly"}
    return "What speaks against it" if is_extraction else "What speaks for unrelated customers"


def _of_all(alert: Alert) -> str:
    return "Who" if alert.campaign.members_total <= SHOWN_MEMBERS else "Who (some of them)"


def _who(alert: Alert) -> str:
    names, more = some(alert.campaign.members_sample, SHOWN_MEMBERS, alert.campaign.members_total)
    return " ".join(map(code, names)) + _and_more(more) if names else "No account is known."


def _and_more(count: int) -> str:
    return f" and {count:,} more" if count else ""


def _reasons(readings: Iterable[SignalReading]) -> list[str]:
    return [
        f"• {_words(sentence(reading))} ({span(reading.window_s)})"
        for reading in list(readings)[:SHOWN_SIGNALS]
    ]


def _steps(alert: Alert) -> list[str]:
    steps = [f"{n}. {_words(clean(step, 300))}" for n, step in enumerate(alert.next_steps, 1)]
    return [*steps, _link(alert.runbook_url, "Runbook")]


def _link(url: str, name: str) -> str:
    if not re.fullmatch(r"https?://[^\s<>|\"]+", url):
        return f"{name}: {code(url)}"
    return f"<{url.replace('&', '&amp;')}|{name}>"


def _origin(alert: Alert) -> str:
    by = alert.provenance
    parts = [
        f"alert {alert.alert_id} rev {alert.revision}",
        f"analyzer {by.analyzer_version}",
        f"config {by.config_hash}",
        f"model {by.model_version}",
        *([f"ATLAS {alert.attack}"] if alert.kind == "extraction_campaign" else []),
        *(["a replay of stored events, nothing live"] if by.replay else []),
        *([f"{alert.suppressed.count} changes not sent"] if alert.suppressed.count else []),
    ]
    return _words(" · ".join(clean(part, 120) for part in parts))


def _words(text: str) -> str:
    """A sentence in which no character starts a format."""
    return escape(_FORMATS.sub("'", text))


def _section(title: str, lines: list[str]) -> dict[str, Any]:
    kept: list[str] = []
    room = SECTION - len(title) - 3
    for line in lines:  # a cut inside a line could split an escape
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return {"type": "section", "text": _markdown("\n".join([f"*{title}*", *kept]), SECTION)}


def _markdown(text: str, longest: int) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text[:longest], "verbatim": True}


def _plain(text: str, longest: int) -> dict[str, Any]:
    safe = clean(text, longest)
    while len(escape(safe)) > longest:
        safe = clip(safe, len(safe) - 20)
    return {"type": "plain_text", "text": escape(safe) or "(empty)", "emoji": False}
