"""``analyzer calibrate``: from a history to a file, and from the file into a replay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from analyzer.console.listing import as_toml
from analyzer.core.campaign.step import CampaignStep
from analyzer.core.cohort.catalog import NAMES
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.calibration import Calibration
from analyzer.core.contracts.feedback import Feedback, Target, TargetType, Verdict
from analyzer.errors import UsageError
from analyzer.replay.calibrate import History, calibration_of
from analyzer.replay.runner import Runner
from analyzer.replay.sources import FileSource
from analyzer.settings import Settings
from analyzer.simulate import generate
from analyzer.simulate.command import write


@pytest.fixture(scope="module")
def benign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small innocent world."""
    path = tmp_path_factory.mktemp("benign") / "quiet.ndjson"
    write(generate("quiet", 5, scale=0.1, days=2.0), path)
    return path


@pytest.fixture(scope="module")
def guilty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world with a campaign."""
    path = tmp_path_factory.mktemp("guilty") / "smoke.ndjson"
    write(generate("smoke", 5, 0.5, 1.5), path)
    return path


def remembered(raw: Path) -> tuple[History, CampaignStep]:
    """The history of one file, and the step that decided, in the end."""
    history = History()
    runner = Runner(CoreConfig(), [FileSource(str(raw), 0)], call=history)
    list(runner)
    return history, runner.campaign


def test_from_a_history_to_a_replay_that_uses_it(
    command: Any, benign: Path, tmp_path: Path
) -> None:
    """The file is written, a replay takes it, and its configuration has another name."""
    file = tmp_path / "calibration.json"
    made = command("calibrate", benign, "--out", file)
    assert (made.returncode, made.stderr) == (0, "")
    found = Calibration.model_validate_json(file.read_bytes())
    assert found.signals == NAMES
    assert f"{sum(stratum.objects for stratum in found.strata):,} objects" in made.stdout
    toml = tmp_path / "analyzer.toml"
    toml.write_text(f'[core]\ncalibration = "{file}"\n', "utf-8")
    run = command("replay", benign, "--out", tmp_path / "out", "--config", toml, "--json")
    assert run.returncode == 0
    usual = CoreConfig(calibration=found)
    assert orjson.loads(run.stdout)["config_hash"] == usual.config_hash != CoreConfig().config_hash


def test_the_same_history_gives_the_same_file(benign: Path) -> None:
    """Twice."""
    first, second = (
        calibration_of(history.benign(campaign))
        for history, campaign in (remembered(benign) for _ in range(2))
    )
    assert first == second


def test_what_is_found_is_left_out_unless_people_clear_it(guilty: Path) -> None:
    """A campaign's cohorts, or those of accounts called guilty, do not become usual."""
    history, step = remembered(guilty)
    campaigns = [campaign for campaign in step.campaigns if campaign.state.revision]
    innocent = history.benign(step)
    orgs = np.concatenate([campaign.members.key for campaign in campaigns])
    inside = np.isin(innocent.member_org, orgs)
    named = np.bincount(innocent.member_row, minlength=len(innocent.pane))
    held = np.bincount(innocent.member_row, inside, minlength=len(named))
    assert (held < 0.2 * np.maximum(named, 1)).all()
    cleared = [said("campaign", campaign.id, "false_positive", 2) for campaign in campaigns]
    spoken = len(history.benign(step, cleared).pane)
    assert spoken > len(innocent.pane)
    accounts = {a.name for campaign in campaigns for a in campaign.state.accounts.values()}
    blamed = [said("account", name, "true_positive", 3) for name in sorted(accounts)]
    assert len(history.benign(step, cleared + blamed).pane) < spoken


def said(type_: TargetType, id_: str, verdict: Verdict, at_ms: int) -> Feedback:
    """A verdict."""
    return Feedback(f"{id_}:{at_ms}", Target(type_, id_), verdict, "", "analyst-1", at_ms)


def test_a_history_without_cohorts_is_refused(command: Any, tmp_path: Path) -> None:
    """Exit 2, and what is missing."""
    empty = tmp_path / "empty.ndjson"
    empty.write_bytes(b"")
    run = command("calibrate", empty, "--out", tmp_path / "calibration.json")
    assert run.returncode == 2
    assert "give more history" in run.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file or directory"),
        ("{}", "strata: Field required"),
        ("not JSON", "Invalid JSON"),
        (
            Calibration.shipped().model_copy(update={"fusion": "fit-0"}).model_dump_json(),
            "made for other weights",
        ),
    ],
    ids=["none", "empty", "no JSON", "other weights"],
)
def test_a_bad_file_is_refused_with_what_to_do(
    command: Any, text: str | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a file of settings and from the environment; the command line exits with 2."""
    file, toml = tmp_path / "calibration.json", tmp_path / "analyzer.toml"
    toml.write_text(f'[core]\ncalibration = "{file}"\n', "utf-8")
    if text is not None:
        file.write_text(text, "utf-8")
    with pytest.raises(UsageError, match=message) as refused:
        Settings.load(toml)
    assert "make one with `analyzer calibrate`" in str(refused.value)
    run = command("config", "--config", toml)
    assert (run.returncode, run.stdout) == (2, "")
    assert str(refused.value) in run.stderr
    monkeypatch.setenv("ANALYZER_CORE__CALIBRATION", str(file))
    with pytest.raises(UsageError, match=message):
        Settings.load()


def test_settings_show_that_there_is_one_and_not_its_figures(tmp_path: Path) -> None:
    """One line, which is a comment; nothing set is the shipped one."""
    file, toml = tmp_path / "calibration.json", tmp_path / "analyzer.toml"
    file.write_text(Calibration.shipped().model_dump_json(), "utf-8")
    toml.write_text(f'[core]\ncalibration = "{file}"\n', "utf-8")
    assert Settings.load(toml).core.calibration == Calibration.shipped()
    assert '# calibration = "**********"' in as_toml(Settings.load(toml))
    toml.write_text('[core]\ncalibration = ""\n', "utf-8")
    assert Settings.load(toml).core.calibration is None
