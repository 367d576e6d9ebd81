"""``analyzer bench-detection`` and ``analyzer evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from analyzer.bench.detection.leave_out import Judged
    from analyzer.bench.detection.result import Result


@click.command()
@click.option("--seeds", default=4, show_default=True, help="Seeds per scenario, from 1000 on.")
@click.option("--jobs", default=2, show_default=True, help="Runs at a time.")
@click.option("--scale", default=1.0, show_default=True, help="Factor on the size of worlds.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("bench-detection.json"))
@click.option("--quick", is_flag=True, help="One seed of four scenarios at a fifth of the size.")
@click.option("--ablation", is_flag=True, help="Every signal family left out once.")
@click.option("--leave-out", is_flag=True, help="Each kind judged by a fit that never saw it.")
@click.option("--peers/--no-peers", default=True, help="Peers on small runs of seven scenarios.")
def bench_detection(
    *,
    seeds: int,
    jobs: int,
    scale: float,
    out: Path,
    quick: bool,
    ablation: bool,
    leave_out: bool,
    peers: bool,
) -> None:
    """Judge the detector on simulated worlds with labels; writes bench-detection.json."""
    from analyzer.bench.detection import tasks  # noqa: PLC0415 - `analyzer --help` must be quick
    from analyzer.bench.detection.ablation import EVERY_FAMILY  # noqa: PLC0415 - as above
    from analyzer.bench.detection.leave_out import leave_out as judge  # noqa: PLC0415 - as above
    from analyzer.bench.detection.leave_out import tell as tell_left_out  # noqa: PLC0415 - as above
    from analyzer.bench.detection.peers import PEERS  # noqa: PLC0415 - as above
    from analyzer.bench.detection.result import WHOLE  # noqa: PLC0415 - as above
    from analyzer.bench.detection.table import line  # noqa: PLC0415 - as above

    left_out = judge() if leave_out else []
    if left_out:
        click.echo("\n".join(tell_left_out(left_out)))
    todo = tasks.tasks(
        seeds=1 if quick else seeds,
        scale=min(scale, 0.2) if quick else scale,
        quick=quick,
        dropped=EVERY_FAMILY if ablation else (),
        peers=tuple(PEERS) if peers else (),
    )
    results: list[Result] = []
    for result in tasks.perform_all(todo, jobs):
        results.append(result)
        click.echo(line(result.outcomes[WHOLE]))
    _report(sorted(results, key=lambda r: (r.task.scenario, r.task.seed)), left_out, out)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    required=True,
    help="Labels of `analyzer simulate`, or feedback.v1 lines.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def evaluate(folder: Path, labels: Path, *, as_json: bool) -> None:
    """Measure the alerts that a replay wrote to DIR; writes DIR/evaluate.json."""
    import msgspec  # noqa: PLC0415 - as above
    import orjson  # noqa: PLC0415 - as above

    from analyzer.bench.detection.evaluate import evaluate_folder, tell  # noqa: PLC0415 - as above

    found = evaluate_folder(folder, labels)
    data = orjson.dumps(
        msgspec.to_builtins(found), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    )
    (folder / "evaluate.json").write_bytes(data)
    click.echo(data.decode().rstrip() if as_json else "\n".join(tell(found)))


def _report(results: list[Result], left_out: list[Judged], out: Path) -> None:
    import msgspec  # noqa: PLC0415 - as above

    from analyzer.bench.detection import table  # noqa: PLC0415 - as above
    from analyzer.bench.detection.peers.oracle import compare, missing  # noqa: PLC0415 - as above
    from analyzer.bench.detection.result import WHOLE  # noqa: PLC0415 - as above
    from analyzer.bench.detection.summary import summarise  # noqa: PLC0415 - as above

    usual = [result for result in results if not result.task.peers]
    variants = list(usual[0].outcomes)
    summaries = {name: summarise([r.outcomes[name] for r in usual]) for name in variants}
    beside = compare([result for result in results if result.task.peers])
    written = {
        "summary": summaries[WHOLE],
        "ablation": {name: summary for name, summary in summaries.items() if name != WHOLE},
        "leave_out": left_out,
        "peers": beside,
        "peers_missing": missing(),
        "runs": [result.outcomes[WHOLE] for result in results],
    }
    out.write_bytes(msgspec.json.format(msgspec.json.encode(written)) + b"\n")
    click.echo("\n" + "\n".join(table.tell(summaries[WHOLE])))
    if len(variants) > 1:
        click.echo("\n" + "\n".join(table.ablation(summaries)))
    if beside:
        click.echo("\nrecall of peers, each at its best threshold per run without a false group")
        for name, figure in beside.items():
            click.echo(f"{name:<26}{figure}  ({figure.cases})")
    for name in missing():
        click.echo(f"{name:<26}not measured: pip install 'usage-analyzer[peers]'")
