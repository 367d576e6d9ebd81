"""Each form of a sentence counted again: whether the figures that it tells are so."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections import Counter

import numpy as np

from analyzer.testing.sentences.truth import (
    CONFIG,
    DAY_MS,
    HOUR_MS,
    PANE_MS,
    READ,
    Truth,
    at_least,
    block_of,
    field,
    org_of,
    params_of,
    poisson_twice,
    same,
    share,
)


def balance(t: Truth, m: re.Match[str]) -> bool:
    """Volumes: at least half lie within the bounds, and no narrower bounds of ranks would do."""
    counts = Counter(org_of(e) for e in t.events)
    mine = sorted(counts[o] for o in t.inside)
    rest = sorted(n for o, n in counts.items() if o not in t.members)
    said = (m["a"], m["b"] or m["a"], m["c"], m["d"] or m["c"])
    low, high, least, most = (int(number.replace(",", "")) for number in said)
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
