"""No sentence is false: each is counted again from the events of the world, alert by alert."""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from typing import Any, NamedTuple

import msgspec
import numpy as np
import orjson
import pytest

from analyzer.core.campaign.evidence import Evidence
from analyzer.core.campaign.evidence.sentences import SENTENCES
from analyzer.core.cohort.catalog import NAMES
from analyzer.core.cohort.fusion import FITTED
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.records import Alert, Campaign, Member
from analyzer.core.contracts.step import StepOutput
from analyzer.core.ingest.step import RawBatch
from analyzer.core.kernels.byte_strings import Texts
from analyzer.core.pipeline import Pipeline, Sharding, feed
from analyzer.simulate import generate
from analyzer.testing.sentences.forms import FORMS, PLAIN, holds
from analyzer.testing.sentences.truth import Truth, org_of

CONFIG = CoreConfig()
WORLDS = ("pivot", "churn", "reseller")
UNSEEN = {"hand_over", "repeated_items"}
"""Signals of which these small worlds show nothing; the latter has the form of ``work_queue``."""


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
    """The plain meaning is for what counts don't bear out; each that weighs has its sentence."""
    assert set(SENTENCES) == set(FORMS)
    assert set(FITTED) <= set(FORMS)
    told = [one for scenario in WORLDS for one in run(scenario).told]
    readings = [
        r
        for one in told
        for r in (*one.alert.signals, *one.alert.counter_evidence)
        if r.name in PLAIN
    ]
    plain = [reading for reading in readings if reading.evidence == PLAIN[reading.name]]
    assert len(plain) * 10 <= len(readings)
    assert {name for one in told for name in one.said} >= set(SENTENCES) - UNSEEN


@pytest.mark.parametrize("scenario", WORLDS)
def test_the_networks_that_are_named_are_the_members_own(scenario: str) -> None:
    """Numbers of autonomous systems, from the events of those who are named."""
    found = run(scenario)
    groups = [told for told in found.told if told.alert.kind != "account_anomaly"]
    assert groups
    for told in groups:
        truth = Truth(found.events, told.members, told.alert.detected_at_ms)
        own = {event["asn"] for event in truth.past if org_of(event) in truth.members}
        assert set(told.alert.campaign.asns) <= own
        assert told.alert.campaign.asns


@pytest.mark.parametrize("scenario", WORLDS)
def test_the_failures_that_are_counted_are_the_members_own(scenario: str) -> None:
    """Requests that were not answered, by status, from the events of those who are named."""
    found = run(scenario)
    groups = [told for told in found.told if told.alert.kind != "account_anomaly"]
    counted = 0
    for told in groups:
        truth = Truth(found.events, told.members, told.alert.detected_at_ms)
        own = Counter(event["status"] for event in truth.past if org_of(event) in truth.members)
        if told.alert.campaign.failures is None:
            continue
        failures = Counter(msgspec.structs.asdict(told.alert.campaign.failures))
        assert failures <= own
        counted += failures.total()
    assert counted


@pytest.mark.parametrize("scenario", WORLDS)
def test_requests_and_tokens_are_of_the_same_time(scenario: str) -> None:
    """Both from the first event of those who are named on; what was sent twice counts once."""
    found = run(scenario)
    for told in found.told:
        truth = Truth(found.events, told.members, told.alert.detected_at_ms)
        own = [event for event in truth.past if org_of(event) in truth.members]
        facts = told.alert.campaign
        assert 0.98 * len(own) <= facts.requests <= len(own)
        tokens = sum(event["output_tokens"] for event in own)
        assert 0.98 * tokens <= facts.output_tokens <= tokens
