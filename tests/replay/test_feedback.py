"""Feedback and labels given to a replay: what is refused, what is obeyed, what is measured."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import msgspec
import orjson
import pytest

from analyzer.bench.detection.evaluate import evaluate_folder, measure
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.feedback import Feedback, Target, Verdict
from analyzer.core.contracts.records import Alert
from analyzer.errors import UsageError
from analyzer.replay.feedback import allowances, read_feedback
from analyzer.replay.report import Report, read
from analyzer.replay.runner import Runner
from analyzer.replay.sources import FileSource
from analyzer.simulate import generate
from analyzer.simulate.command import labels_path, write

WORLD = generate("smoke", 5, 0.5, 1.5)


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world with one campaign, and its labels."""
    path = tmp_path_factory.mktemp("world") / "smoke.ndjson"
    write(WORLD, path)
    return path


def run(raw: Path, folder: Path, said: list[Feedback]) -> Runner:
    """A replay with feedback."""
    with Report(folder, BytesIO()) as report:
        runner = Runner(CoreConfig(), [FileSource(str(raw), 0)], feedback=said)
        report.take(runner)
        report.finish({"fdr": CoreConfig().fdr})
    return runner


@pytest.fixture(scope="module")
def plain(raw: Path) -> Path:
    """The replay without feedback."""
    run(raw, raw.parent / "plain", [])
    return raw.parent / "plain"


def verdict_on(id_: str, verdict: Verdict, at_ms: int = 1) -> Feedback:
    """A label on a campaign."""
    return Feedback(f"{id_}{at_ms}", Target("campaign", id_), verdict, "", "analyst-1", at_ms)


def test_a_bad_line_is_refused_with_its_number(tmp_path: Path) -> None:
    """The third line, since the empty second one counts as a line too."""
    good = msgspec.json.encode(verdict_on("c-1", "benign"))
    file = tmp_path / "feedback.ndjson"
    file.write_bytes(good + b"\n\n{}\n")
    with pytest.raises(UsageError, match="line 3: missing_field"):
        read_feedback(file, 10_000)
    file.write_bytes(good + b"\n")
    assert read_feedback(file, 10_000) == [verdict_on("c-1", "benign")]
    with pytest.raises(UsageError, match="give a file"):
        read_feedback(tmp_path / "none", 10_000)


def test_a_replay_obeys_and_tells_what_was_allowed(raw: Path, plain: Path, tmp_path: Path) -> None:
    """No alert of extraction is left, and the summary tells how often the allowance was used."""
    templates = sorted({t for a in read(plain, "alerts", Alert) for t in a.campaign.templates})
    said = [
        Feedback(t, Target("template", t), "benign", "ours", "analyst-1", 1, action="allow")
        for t in templates
    ]
    runner = run(raw, tmp_path / "after", said)
    assert all(a.kind != "extraction_campaign" for a in read(tmp_path / "after", "alerts", Alert))
    allowed = allowances(runner.campaign.judgements)
    assert sorted(one["id"] for one in allowed) == templates
    assert {one["author_ref"] for one in allowed} == {"analyst-1"}
    assert max(one["hits"] for one in allowed) > 0


def test_labels_of_a_simulation_give_precision_and_recall(raw: Path, plain: Path) -> None:
    """The one campaign is found, most of its accounts with it, and every strong signal is right."""
    found = evaluate_folder(plain, labels_path(raw))
    assert (found.precision.value, found.recall.value) == (1.0, 1.0)
    assert found.precision.low is not None
    assert found.precision.low < 1
    assert (found.nominal_fdr, found.realised_fdr.value) == (CoreConfig().fdr, 0.0)
    assert (found.realised_fdr.high or 0) > CoreConfig().fdr  # one campaign proves little
    assert (found.account_recall.value or 0) > 0.7
    assert {row.precision.value for row in found.signals.values()} == {1.0}


def test_the_latest_verdict_counts(plain: Path) -> None:
    """True first and false later is false; a campaign without a verdict is not judged."""
    alerts = read(plain, "alerts", Alert)
    id_ = alerts[0].campaign_id
    changed = [verdict_on(id_, "false_positive", 2), verdict_on(id_, "true_positive", 1)]
    found = measure(alerts, changed)
    assert (found.judged, found.precision.value) == (1, 0.0)
    assert found.recall.value is None
    assert (found.nominal_fdr, found.realised_fdr.value) == (None, 1.0)
    assert measure(alerts, [verdict_on("c-other", "benign")]).judged == 0


def test_what_is_no_label_is_refused(plain: Path, tmp_path: Path) -> None:
    """Labels of a simulation with something missing name it."""
    file = tmp_path / "labels.json"
    file.write_bytes(orjson.dumps({"campaigns": []}))
    with pytest.raises(UsageError, match="missing required field"):
        evaluate_folder(plain, file)
