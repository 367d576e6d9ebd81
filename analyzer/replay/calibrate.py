"""``analyzer calibrate``: what is usual for a provider, from its own history."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import numpy as np

from analyzer.core.campaign.decision import suspicion_of
from analyzer.core.campaign.step import UNDER_ALERT, CampaignStep
from analyzer.core.cohort.catalog import NAMES
from analyzer.core.cohort.fusion import Fusion
from analyzer.core.contracts.blocks import CohortBlock
from analyzer.core.contracts.calibration import Calibration, fitted
from analyzer.core.contracts.cohort_columns import CohortColumns, concat_cohorts
from analyzer.core.contracts.feedback import BENIGN, POSITIVE, Feedback
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.contracts.step import StepOutput
from analyzer.core.pipeline import feed
from analyzer.errors import UsageError
from analyzer.precompile import compile_all
from analyzer.replay.feedback import read_feedback
from analyzer.replay.opening import open_sources, progress_of
from analyzer.replay.runner import Runner
from analyzer.settings import Settings
from analyzer.whole_files import whole_file


class History:
    """How the steps of a replay are fed (a ``Call``), remembering all cohorts that were judged."""

    def __init__(self) -> None:
        self._rows: list[CohortColumns] = []

    def __call__(self, name: str, step: Any, block: Any) -> StepOutput[Any]:
        """Feed as always, and keep the cohorts on their way to the campaign step."""
        if name == "campaign" and isinstance(block, CohortBlock):
            self._rows.append(block.rows)
        return feed(name, step, block)

    def benign(self, campaign: CampaignStep, said: Iterable[Feedback] = ()) -> CohortColumns:
        """Cohorts with hardly a member in a campaign found, or in what people call positive.

        A campaign that people call benign is left in. Single accounts are no cohorts.

        Parameters
        ----------
        campaign
            The step that decided, at the end.
        """
        rows = concat_cohorts(self._rows)
        ordered = sorted(said, key=lambda label: (label.created_ms, label.feedback_id))
        latest = {label.target.id: label.verdict for label in ordered}
        positive = [name for name, verdict in latest.items() if verdict in POSITIVE]
        orgs = [campaign.orgs_named(positive)]
        orgs += [
            found.members.key
            for found in campaign.campaigns
            if found.state.revision and latest.get(found.id) not in BENIGN
        ]
        out = np.isin(rows.member_org, np.concatenate(orgs))
        return rows.take((rows.share_of_members(out) < UNDER_ALERT) & (rows.kind != Kind.ACCOUNT))


def calibration_of(cohorts: CohortColumns) -> Calibration:
    """The calibration that these benign cohorts give.

    Raises
    ------
    UsageError
        If there are none.
    """
    if not len(cohorts.pane):
        raise UsageError(
            "no cohort was judged: give more history than core.warmup_s, with objects that at "
            "least core.min_cohort organisations share"
        )
    fusion = Fusion.shipped()
    suspicion = suspicion_of(cohorts, fusion.score(cohorts.features))
    return fitted(cohorts, suspicion, NAMES, fusion.version)


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE…")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="File to write.")
@click.option("--config", type=click.Path(path_type=Path), help="TOML file of settings.")
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    help="File of feedback.v1 lines: what is labelled positive is left out, what is labelled "
    "benign stays in.",
)
def calibrate(
    sources: tuple[str, ...], out: Path, config: Path | None, labels: Path | None
) -> None:
    """Learn from history what is usual, for the setting core.calibration."""
    settings = Settings.load(config)
    said = read_feedback(labels, settings.core.max_record_bytes) if labels else []
    opened = open_sources(sources, settings)
    history = History()
    compile_all()
    with progress_of(opened, quiet=False) as bar:
        runner = Runner(settings.core, opened, call=history, progress=bar)
        for _ in runner:
            pass  # the history remembers what matters
    cohorts = history.benign(runner.campaign, said)
    found = calibration_of(cohorts)
    with whole_file(out) as stream:
        stream.write(found.model_dump_json(indent=1).encode() + b"\n")
    objects = sum(stratum.objects for stratum in found.strata)
    click.echo(f"{len(cohorts.pane):,} benign cohorts of {objects:,} objects, {out} written")
    click.echo(f"to use it: core.calibration = {str(out)!r}")
