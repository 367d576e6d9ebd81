"""No sentence is false: each is counted again from the events of the world, alert by alert."""

from __future__ import annotations

import datetime as dt
import functools
import ipaddress
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import orjson
import pytest

from analyzer.core.campaign.evidence import Evidence
from analyzer.core.campaign.evidence.sentences import SENTENCES
from analyzer.core.cohort.catalog import NAMES, SIGNALS
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.records import Alert, Campaign, Member
from analyzer.core.contracts.step import StepOutput
from analyzer.core.ingest.step import RawBatch
from analyzer.core.kernels.byte_strings import Texts
from analyzer.core.pipeline import Pipeline, Sharding, feed
from analyzer.simulate import generate

CONFIG = CoreConfig()
WORLDS = ("pivot", "churn", "reseller")
PANE_MS, HOUR_MS, DAY_MS = CONFIG.pane_ms, 3_600_000, 86_400_000
PLAIN = {signal.NAME: signal.MEANING for signal in SIGNALS}
PARAMS = ("temperature", "top_p", "max_tokens", "n", "logprobs")


class Told(NamedTuple):
    """An alert, and the accounts that are members by it."""

    alert: Alert
    members: frozenset[str]
    window_s: int
    said: dict[str, str]
    """Every sentence that there is for them in the longest window that ended then."""


class Run(NamedTuple):
    """A world's events by time, and what was told of it."""

    events: list[dict[str, Any]]
    told: list[Told]


class Watch:
    """Looks on at the campaign step: what was told, and all that could have been said of it."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self._members: dict[str, set[str]] = defaultdict(set)
        self._seen: set[tuple[str, str]] = set()
        self.pipeline: Pipeline | None = None

    def __call__(self, name: str, step: Any, block: Any) -> StepOutput[Any]:
        """Feed the step; the windows stand where it decided."""
        output = feed(name, step, block)
        alert = None
        for record in output.made if name == "campaign" else ():
            if isinstance(record, Alert):
                alert = record
            elif isinstance(record, Member):
                inside = record.state == "member"
                of = self._members[record.campaign_id]
                (of.add if inside else of.discard)(record.account_id)
            elif isinstance(record, Campaign) and alert is not None:
                self._tell(alert, frozenset(self._members[record.campaign_id]))
                alert = None
        return output

    def _tell(self, alert: Alert, members: frozenset[str]) -> None:
        if not members or (alert.campaign_id, alert.activity) in self._seen:
            return  # of a thread's end nothing is counted, and the first of each kind will do
        self._seen.add((alert.campaign_id, alert.activity))
        assert self.pipeline is not None
        windows = self.pipeline.steps["cohort"][0].windows
        longest = windows.due(windows.stands_at)[-1]
        evidence = Evidence(longest, self.pipeline.campaign.orgs_named(sorted(members)))
        said = {n: s for n in NAMES if (s := evidence.sentence(n)) is not None}
        self.told.append(Told(alert, members, longest.length_s, said))


@functools.cache
def run(scenario: str) -> Run:
    """A small world; prompts have no text, so that its templates are those that it names."""
    world = generate(scenario, 78, scale=0.25, days=3.0)
    events = [{**orjson.loads(line), "prompt_text": None} for line in world.lines()]
    watch = Watch()
    pipeline = watch.pipeline = Pipeline(CONFIG, Sharding(("test",)), call=watch)
    for start in range(0, len(events), 5_000):
        lines = [orjson.dumps(event) for event in events[start : start + 5_000]]
        offsets = np.arange(start, start + len(lines))
        pipeline.feed(0, RawBatch(Texts.of(lines), offsets))
    pipeline.finish()
    return Run(sorted(events, key=lambda e: e["timestamp_ms"]), watch.told)


class Truth:
    """What is so about the members and all others in one window, event by event."""

    def __init__(self, events: list[dict[str, Any]], accounts: frozenset[str], end_ms: int) -> None:
        self.end_ms, self.past = end_ms, [e for e in events if e["timestamp_ms"] < end_ms]
        self.members = {org_of(e) for e in self.past if e["account_id"] in accounts}
        self.begin_ms = min(e["timestamp_ms"] for e in self.past) // PANE_MS * PANE_MS

    def over(self, length_ms: int) -> Truth:
        """Count what is in the last so many milliseconds."""
        self.length_ms = length_ms
        self.events = [e for e in self.past if e["timestamp_ms"] >= self.end_ms - length_ms]
        self.mine = [e for e in self.events if org_of(e) in self.members]
        self.orgs = {org_of(e) for e in self.events}
        self.inside = self.orgs & self.members
        return self

    def users(self, read: Callable[[dict[str, Any]], Any]) -> dict[Any, set[str]]:
        """Organisations on each object."""
        found: dict[Any, set[str]] = defaultdict(set)
        for event in self.events:
            if (thing := read(event)) is not None:
                found[thing].add(org_of(event))
        return found

    def first(self, read: Callable[[dict[str, Any]], Any]) -> dict[Any, int]:
        """Pane in which each object was first used, of all time."""
        found: dict[Any, int] = {}
        for event in self.past:
            found.setdefault(read(event), event["timestamp_ms"] // PANE_MS)
        return found


def org_of(event: dict[str, Any]) -> str:
    """The organisation that pays for it."""
    return str(event.get("org_id") or event["account_id"])


def block_of(event: dict[str, Any]) -> str | None:
    """The /24 or /48 that it came from."""
    return network_of(event.get("client_ip") or event.get("ip_prefix"))


@functools.cache
def network_of(text: str | None) -> str | None:
    """The /24 or /48 of an address."""
    if text is None:
        return None
    network = ipaddress.ip_network(text)
    most = 24 if network.version == 4 else 48
    return str(network.supernet(new_prefix=min(most, network.prefixlen)))


def params_of(event: dict[str, Any]) -> tuple[Any, ...] | None:
    """The sampling parameters, if any was given."""
    found = tuple(event.get(name) for name in PARAMS)
    return found if any(value is not None for value in found) else None


def field(name: str) -> Callable[[dict[str, Any]], Any]:
    """A reader of one field."""
    return lambda event: event.get(name)


UNSEEN = {"hand_over", "repeated_items"}
"""Signals of which these small worlds show nothing; the latter has the form of ``work_queue``."""
READ: dict[str, Callable[[dict[str, Any]], Any]] = {
    "address block": block_of,
    "prompt template": field("prompt_template_id"),
    "TLS fingerprint": field("tls_ja4"),
    "client": field("user_agent"),
}


def same(text: str, value: float) -> bool:
    """True if the figure that was told is the value, rounded."""
    number = re.sub(r"[ ,%]", "", text)
    if text.startswith(("fewer than", "under")):
        return 0 <= value < 0.1
    if text.startswith("over"):
        return 99.5 <= value < 100
    digits = len(number.partition(".")[2])
    return abs(float(number) - value) <= 0.5 * 0.1**digits + 1e-9


def share(part: float, whole: float) -> float:
    """In percent."""
    return 100 * part / whole if whole else 0.0


def poisson_twice(mean: float) -> float:
    """P(X ≥ 2)."""
    return float(1 - np.exp(-mean) * (1 + mean))


def at_least(k: int, n: int, p: float) -> float:
    """P(X ≥ k), X binomial, term by term."""
    terms = [1.0]
    for i in range(n):
        terms.append(terms[-1] * (n - i) / (i + 1))
    return sum(terms[i] * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))


def balance(t: Truth, m: re.Match[str]) -> bool:
    """Volumes: at least half lie within the bounds, and no narrower bounds of ranks would do."""
    counts = Counter(org_of(e) for e in t.events)
    mine = sorted(counts[o] for o in t.inside)
    rest = sorted(n for o, n in counts.items() if o not in t.members)
    low, high, least, most = (int(m[k].replace(",", "")) for k in ("a", "b", "c", "d"))
    return (
        int(m["n"]) == len(mine)
        and sum(low <= n <= high for n in mine) * 2 >= len(mine)
        and sum(least <= n <= most for n in rest) * 2 >= len(rest)
        and {low, high} <= set(mine)
        and {least, most} <= set(rest)
    )


def meeting(t: Truth, m: re.Match[str]) -> bool:
    """Objects of two or more members."""
    users = t.users(READ[m["kind"]])
    uses = sum(len(u & t.members) for u in users.values())
    total = sum(map(len, users.values()))
    usual = sum(poisson_twice(uses * len(u) / total) for u in users.values())
    found = sum(len(u & t.members) >= 2 for u in users.values())
    return same(m["x"], found) and same(m["n"], len(t.inside)) and same(m["e"], usual)


def on_one(t: Truth, m: re.Match[str]) -> bool:
    """Members on one object."""
    users = t.users(READ[m["kind"]])
    uses = sum(len(u & t.members) for u in users.values())
    usual = uses * len(users[m["name"]]) / sum(map(len, users.values()))
    found = len(users[m["name"]] & t.members)
    return same(m["x"], found) and same(m["n"], len(t.inside)) and same(m["e"], usual)


def alone(t: Truth, m: re.Match[str]) -> bool:
    """Objects that nobody else uses."""
    read = READ[m["kind"]]
    users = t.users(read)
    together = {o for o, u in users.items() if len(u & t.members) >= 2}
    picked = {o for o in together if users[o] <= t.members}
    n, everyone = len(t.inside), len(t.orgs)
    usual = sum(
        math.prod([(n - k) / (everyone - k) for k in range(len(u))])
        for u in users.values()
        if 2 <= len(u) <= n
    )
    return (
        same(m["x"], len(picked))
        and same(m["n"], len(together))
        and same(m["e"], usual)
        and same(m["p"], share(sum(read(e) in picked for e in t.mine), len(t.mine)))
    )


def mostly(t: Truth, m: re.Match[str]) -> bool:
    """Objects whose users are members by 60 % or more."""
    read = READ[m["kind"]]
    users = {o: u for o, u in t.users(read).items() if len(u) >= 3}
    picked = {o for o, u in users.items() if 10 * len(u & t.members) >= 6 * len(u)}
    p = len(t.inside) / len(t.orgs)
    usual = sum(at_least(-(-6 * len(u) // 10), len(u), p) for u in users.values())
    return (
        same(m["x"], len(picked))
        and same(m["e"], usual)
        and same(m["p"], share(sum(read(e) in picked for e in t.mine), len(t.mine)))
    )


def fresh(t: Truth, m: re.Match[str]) -> bool:
    """Requests from blocks that were never seen before the window."""
    begin = (t.end_ms - t.length_ms) // PANE_MS
    new = {b for b, pane in t.first(block_of).items() if pane >= begin}
    rest = [e for e in t.events if org_of(e) not in t.members and block_of(e)]
    known = [e for e in t.mine if block_of(e)]
    return (
        same(m["p"], share(sum(block_of(e) in new for e in known), len(known)))
        and same(m["x"], len({block_of(e) for e in known} & new))
        and same(m["q"], share(sum(block_of(e) in new for e in rest), len(rest)))
        and m["h"] == f"{t.length_ms // HOUR_MS} h"
    )


def _of_those_known(t: Truth, m: re.Match[str], having: set[str], all_known: set[str]) -> bool:
    mine, known = having & t.inside, all_known & t.inside
    theirs, others = having - t.members, all_known - t.members
    return (
        same(m["x"], len(mine))
        and same(m["n"], len(known))
        and same(m["q"], share(len(theirs), len(others)))
    )


def client(t: Truth, m: re.Match[str]) -> bool:
    """Members on the client that is named."""
    users = t.users(READ[m["kind"]])
    return _of_those_known(t, m, users[m["name"]], set().union(*users.values()))


def parameters(t: Truth, m: re.Match[str]) -> bool:
    """Some set of parameters is as common as told."""
    users = t.users(params_of)
    known = set().union(*users.values())
    return any(_of_those_known(t, m, having, known) for having in users.values())


def cards(t: Truth, m: re.Match[str]) -> bool:
    """Members whose card serves several."""
    users = t.users(field("payment_ref"))
    sharing = set().union(*(u for u in users.values() if len(u) >= 2))
    top = m["name"] is None or same(m["y"], len(users[m["name"]] & t.members))
    return top and _of_those_known(t, m, sharing, set().union(*users.values()))


def created(t: Truth, m: re.Match[str]) -> bool:
    """Created on the days that are told, each counted by its day."""
    at: dict[str, int] = {}
    for e in t.past:
        if (ms := e.get("account_created_ms")) is not None and org_of(e) in t.orgs:
            at[org_of(e)] = min(ms, at.get(org_of(e), ms))
    mine = sorted(ms for o, ms in at.items() if o in t.members)
    first, last = _days(m["when"])
    inside = [ms for ms in mine if first <= ms < last + DAY_MS]
    densest = max(
        (sum(a <= ms <= a + 4 * DAY_MS for ms in mine), -a) for a in mine
    )  # in any four days, the earliest
    begin = -densest[1]
    end = max(ms for ms in mine if ms <= begin + 4 * DAY_MS)
    theirs = [ms for o, ms in at.items() if o not in t.members]
    usual = len(mine) * sum(begin <= ms <= end for ms in theirs) / len(theirs)
    return (
        int(m["x"]) == densest[0] <= len(inside)
        and same(m["n"], len(mine))
        and (" known" in m[0]) == (len(mine) < len(t.inside))
        and same(m["e"], usual)
    )


def _days(when: str) -> tuple[int, int]:
    """First and last day, epoch ms."""
    parts = when.removeprefix("between ").removeprefix("on ").split(" and ")
    last = parts[-1]
    first = f"{parts[0]} {' '.join(last.split()[len(parts[0].split()) :])}"
    return _ms(first.strip()), _ms(last)


def _ms(day: str) -> int:
    moment = dt.datetime.strptime(day, "%d %b %Y").replace(tzinfo=dt.UTC)
    return int(moment.timestamp() * 1_000)


def appeared(t: Truth, m: re.Match[str]) -> bool:
    """First seen between the times that are told."""
    first = {o: pane for o, pane in t.first(org_of).items() if o in t.orgs}
    times = re.findall(r"(\d\d):(\d\d)", m["when"])
    days = re.findall(r"\d+ [A-Z][a-z]{2} \d{4}", m["when"])
    begin, end = (
        _ms(days[i if len(days) > 1 else 0]) + int(h) * HOUR_MS + int(minute) * 60_000
        for i, (h, minute) in enumerate(times)
    )
    within = {o for o, pane in first.items() if begin <= pane * PANE_MS < end}
    others = t.orgs - t.members
    usual = len(t.inside) * len(within - t.members) / len(others)
    return (
        end - begin <= 6 * HOUR_MS
        and same(m["x"], len(within & t.members))
        and same(m["n"], len(t.inside))
        and same(m["e"], usual)
    )


def together(t: Truth, m: re.Match[str]) -> bool:
    """The best quarter of the window's parts."""
    (hop_s,) = (w.hop_s for w in CONFIG.windows if w.length_s * 1_000 == t.length_ms)
    parts = t.length_ms // (hop_s * 1_000)
    counts = np.zeros((2, parts))
    for e in t.events:
        part = (e["timestamp_ms"] - t.end_ms + t.length_ms) // (hop_s * 1_000)
        counts[int(org_of(e) in t.members), part] += 1
    others, mine = counts / counts.sum(axis=1, keepdims=True)
    picked = np.argsort(others - mine, kind="stable")[: parts // 4]
    return (
        same(m["p"], 100 * mine[picked].sum())
        and same(m["q"], 100 * others[picked].sum())
        and m["h"] == f"{len(picked) * hop_s // 3_600} h"
    )


def moved(t: Truth, m: re.Match[str]) -> bool:
    """Requests on models first seen in a week, and not on the first day."""
    day = (t.begin_ms + DAY_MS) // PANE_MS
    new = {
        name
        for name, pane in t.first(field("model")).items()
        if pane >= max(day, (t.end_ms - 7 * DAY_MS) // PANE_MS)
    }
    rest = [e["model"] for e in t.events if org_of(e) not in t.members]
    mine = [e["model"] for e in t.mine]
    return (
        set(m["names"].split(", ")) == new & set(mine)
        and same(m["p"], share(sum(name in new for name in mine), len(mine)))
        and same(m["q"], share(sum(name in new for name in rest), len(rest)))
    )


def followed(t: Truth, m: re.Match[str]) -> bool:
    """Members that fell silent, each with a newcomer in the hour after."""
    last = {org_of(e): e["timestamp_ms"] // PANE_MS for e in t.past}
    counts = Counter(org_of(e) for e in t.events)
    end, start = t.end_ms // PANE_MS, (t.end_ms - t.length_ms) // PANE_MS
    first = t.first(org_of)
    begin = max(start, (t.begin_ms + DAY_MS) // PANE_MS)
    starts = [first[o] for o in t.inside if first[o] >= begin]
    stops = [
        last[o]
        for o in t.inside
        if end - last[o] >= max(36, 4 * (last[o] - max(first[o], start)) / counts[o])
    ]
    found = sum(any(stop < s <= stop + 6 for s in starts) for stop in stops)
    return same(m["n"], len(stops)) and same(m["x"], found)


def repeats(t: Truth, m: re.Match[str]) -> bool:
    """Prompts sent before; what recognises them errs by up to five in a hundred of new ones."""
    seen: set[str] = set()
    again: Counter[bool] = Counter()
    given: Counter[bool] = Counter()
    for e in t.past:
        if (prompt := e.get("prompt_hash")) is None:
            continue
        if e["timestamp_ms"] >= t.end_ms - t.length_ms:
            given[org_of(e) in t.members] += 1
            again[org_of(e) in t.members] += prompt in seen
        seen.add(prompt)
    told = 0.0 if m["p"] is None else float(m["p"].strip(" %"))
    mine, others = (share(again[k], given[k]) for k in (True, False))
    usual = float(m["q"].strip(" %"))
    return same(m["n"], given[True]) and mine - 1 <= told <= mine + 5 and abs(usual - others) < 5


def answers(t: Truth, m: re.Match[str]) -> bool:
    """Mean output tokens of a request."""
    rest = [e["output_tokens"] for e in t.events if org_of(e) not in t.members]
    mine = [e["output_tokens"] for e in t.mine]
    return same(m["p"], sum(mine) / len(mine)) and same(m["q"], sum(rest) / len(rest))


def one_place(t: Truth, m: re.Match[str]) -> bool:
    """The block with most requests."""
    counts = Counter(filter(None, map(block_of, t.mine)))
    return same(m["p"], share(counts[m["name"]], counts.total())) and counts[m["name"]] == max(
        counts.values()
    )


def works(t: Truth, m: re.Match[str]) -> bool:
    """Templates of the members, and those of one of them alone."""
    users = t.users(READ["prompt template"])
    mine = [u & t.members for u in users.values() if u & t.members]
    lonely = sum(len(u) == 1 for u in mine)
    return (same(m["n"], len(t.inside)), same(m["x"], len(mine)), same(m["y"], lonely)) == (
        (True,) * 3
    )


def popular(t: Truth, m: re.Match[str]) -> bool:
    """Members among all that were active."""
    found = share(len(t.inside), len(t.orgs))
    return same(m["x"], len(t.inside)) and same(m["n"], len(t.orgs)) and same(m["p"], found)


X, N, E, P, Q = (
    r"(?P<x>[\d,]+)",
    r"(?P<n>[\d,]+)",
    r"(?P<e>[\d,.]+|fewer than 0.1)",
    r"(?P<p>(?:under |over )?[\d.]+ %)",
    r"(?P<q>(?:under |over )?[\d.]+ %)",
)
WHO = "(?:accounts|organisations)"
KIND = "(?P<kind>address block|prompt template)"
CARRY = f"; {E} expected by chance; they carry {P} of the members' requests"
MEETING = (f"{X} {KIND}s are used by two or more of the {N} {WHO}; {E} expected by chance", meeting)
ON_ONE = (f"{X} of {N} {WHO} use the {KIND} (?P<name>.+); {E} expected by chance", on_one)
ALONE = (f"{X} of {N} {KIND}s that members share are used by nobody else{CARRY}", alone)
MOSTLY = (rf"{X} {KIND}s are used mostly by members \(60 % of the users or more\){CARRY}", mostly)
REPEATS = (
    (
        rf"(?:{P} of )?{N} prompts(?: were|, none) recognised as sent before; "
        rf"{Q} of all others' prompts were"
    ),
    repeats,
)
VOLUMES = r"(?P<a>[\d,]+) to (?P<b>[\d,]+) requests each; half of all others, "
FORMS: dict[str, list[tuple[str, Callable[[Truth, re.Match[str]], bool]]]] = {
    "balance": [(f"half of the {N} {WHO} sent {VOLUMES}(?P<c>[\\d,]+) to (?P<d>[\\d,]+)", balance)],
    "entanglement": [MEETING, ON_ONE],
    "co_templates": [MEETING, ON_ONE],
    "private_blocks": [ALONE, MOSTLY],
    "narrowness": [ALONE, MOSTLY],
    "rotation": [
        (
            (
                f"{P} of their requests came from {X} address blocks first seen in these "
                f"(?P<h>.+); of "
                f"all others' requests, {Q} came from new blocks"
            ),
            fresh,
        )
    ],
    "client_homogeneity": [
        (
            (
                f"{X} of {N} {WHO} use the (?P<kind>client|TLS fingerprint) (?P<name>.+); "
                f"{Q} of all "
                "others do"
            ),
            client,
        )
    ],
    "params_homogeneity": [
        (
            (
                f"{X} of {N} {WHO} ask with one and the same set of sampling parameters; "
                f"{Q} of all "
                "others do"
            ),
            parameters,
        )
    ],
    "payment_sharing": [
        (
            (
                f"{X} of {N} {WHO} pay by means that serve several organisations"
                f"(?:, (?P<y>[\\d,]+) of them by (?P<name>\\S+))?; {Q} of all others do"
            ),
            cards,
        )
    ],
    "creation_scan": [
        (
            (
                f"{X} of {N} {WHO}(?: whose age is known)? (?:were created|opened their "
                f"first account) "
                f"(?P<when>.+); {E} expected"
            ),
            created,
        )
    ],
    "first_seen": [(f"{X} of {N} {WHO} were first seen (?P<when>.+); {E} expected", appeared)],
    "hand_over": [
        (
            (
                f"{X} of {N} members that fell silent were followed by a new one within "
                f"the next hour; "
                f"{E} expected"
            ),
            followed,
        )
    ],
    "synchrony": [
        (
            (
                f"{P} of their requests fell into the same (?P<h>.+) of .+; of all "
                f"others' requests, "
                f"{Q} did"
            ),
            together,
        )
    ],
    "pivot": [
        (
            (
                f"{P} of their requests went to (?P<names>.+), first seen in the last 7 "
                f"days; of all "
                f"others' requests, {Q} went to new models"
            ),
            moved,
        )
    ],
    "work_queue": [REPEATS],
    "repeated_items": [REPEATS],
    "output_length": [
        (
            (
                r"an answer to them has (?P<p>[\d,]+) output tokens on average; to all others, "
                r"(?P<q>[\d,]+)"
            ),
            answers,
        )
    ],
    "one_block": [
        (
            (
                f"{P} of their requests came from one address block, (?P<name>.+), as "
                f"from a campus or "
                "an office"
            ),
            one_place,
        )
    ],
    "many_templates": [
        (
            (
                f"the {N} {WHO} use {X} prompt templates, (?P<y>[\\d,]+) of them by one "
                f"member alone, "
                "as unrelated developers would"
            ),
            works,
        )
    ],
    "popular": [(f"{X} of {N} active organisations are members, {P}", popular)],
}
"""Every form of every sentence, and who counts it again."""


def holds(truth: Truth, name: str, evidence: str, window_s: int) -> bool:
    """True if what is said in figures is so, or nothing is said in figures."""
    if evidence == PLAIN[name]:
        return True
    found = [
        (match, check) for form, check in FORMS[name] if (match := re.fullmatch(form, evidence))
    ]
    assert found, f"a form that nobody counts again: {evidence}"
    return found[0][1](truth.over(window_s * 1_000), found[0][0])


@pytest.mark.parametrize("scenario", WORLDS)
def test_every_sentence_is_true_of_its_world(scenario: str) -> None:
    """Members, blocks, templates, days and expectations are counted again from raw events.

    Those that the alerts tell, and all others that there are for the members that they name.
    """
    found = run(scenario)
    assert found.told
    untrue = []
    for alert, accounts, window_s, said in found.told:
        truth = Truth(found.events, accounts, alert.detected_at_ms)
        told = [
            (r.name, r.evidence, r.window_s)
            for r in (*alert.signals, *alert.counter_evidence)
            if r.name in PLAIN
        ]
        told += [(name, evidence, window_s) for name, evidence in said.items()]
        untrue += [one for one in told if not holds(truth, *one)]
    assert untrue == []


def test_every_signal_is_told_in_figures() -> None:
    """The plain meaning is for what the counts don't bear out; each signal has its sentence."""
    assert set(SENTENCES) == set(NAMES) == set(FORMS)
    told = [one for scenario in WORLDS for one in run(scenario).told]
    readings = [
        r
        for one in told
        for r in (*one.alert.signals, *one.alert.counter_evidence)
        if r.name in PLAIN
    ]
    plain = [reading for reading in readings if reading.evidence == PLAIN[reading.name]]
    assert len(plain) * 10 <= len(readings)
    assert {name for one in told for name in one.said} >= set(NAMES) - UNSEEN
