"""``analyzer bench``."""

from __future__ import annotations

import os
import platform
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from analyzer.bench.timing import Run

FORMAT_EVENTS = 20_000
"""Of each raw format."""
GATHER_MS = 3_000
"""How long a new group waits for more: workers that start together begin in one generation."""


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("bench.json"))
@click.option("--events", default=1_500_000, show_default=True, help="In the topic and the file.")
@click.option("--rounds", default=3, show_default=True, help="Interleaved rounds; medians count.")
@click.option("--broker", help="kafka://HOST:PORT to use instead of a broker of our own.")
def bench(out: Path, events: int, rounds: int, broker: str | None) -> None:
    """Measure speed beside the peers, in one run on this machine; writes bench.json."""
    import msgspec  # noqa: PLC0415 - `analyzer --help` must stay quick

    from analyzer.bench import comparison  # noqa: PLC0415 - as above
    from analyzer.bench.formats import measure  # noqa: PLC0415 - as above

    with _broker(broker) as (name, url):
        runs = comparison.stream_rounds(url, events, rounds, click.echo)
        runs.append(comparison.latency_run(url, click.echo))
        worlds = comparison.dense_runs(url, click.echo)
    runs += comparison.file_rounds(events, rounds, click.echo)
    runs += comparison.core_runs(events, click.echo)
    runs += measure(FORMAT_EVENTS)
    found: dict[str, Any] = dict(ratios(runs))
    found |= {world: of_world(world_runs) for world, world_runs in worlds.items()}
    runs += [run for world_runs in worlds.values() for run in world_runs]
    result = {"machine": _machine(name), "runs": runs, "ratios": found}
    out.write_bytes(msgspec.json.format(msgspec.json.encode(result)) + b"\n")
    for key, value in found.items():
        click.echo(f"{key:<36}{value if value is not None else 'not measured'}")


def ratios(runs: list[Run]) -> dict[str, float | None]:
    """The figures that the design sets goals for."""
    from analyzer.bench.comparison import rate, ratio  # noqa: PLC0415 - as above

    live, bare = rate(runs, "live worker"), rate(runs, "bare aiokafka")
    cores = [run for run in runs if run.name.startswith("core")]
    few, _, many, few_light, _, many_light = cores
    [alerts] = (run for run in runs if run.name == "event to alert")
    return {
        "live_over_bare": ratio(live, bare),
        "transport_over_bare": ratio(rate(runs, "batched transport"), bare),
        "live_over_faust": ratio(live, rate(runs, "stock Faust, hopping")),
        "live_over_faust_without_tables": ratio(live, rate(runs, "stock Faust, one")),
        "live_over_quix": ratio(live, rate(runs, "Quix Streams, hopping")),
        "live_over_quix_sliding": ratio(live, rate(runs, "Quix Streams, sliding")),
        "replay_over_msgspec": ratio(rate(runs, "replay"), rate(runs, "bare msgspec")),
        "cpu_per_event_1m_over_10k": ratio(many.cpu_us_per_event, few.cpu_us_per_event),
        "cpu_per_event_1m_over_10k_same_rate": ratio(
            many_light.cpu_us_per_event, few_light.cpu_us_per_event
        ),
        "litellm_over_native": _over(runs, "ingest, litellm"),
        "otlp_json_over_native": _over(runs, "ingest, otlp-json"),
        "state_bytes_per_account": many.extra["state_bytes_per_account"],
        "event_to_alert_p99_s": alerts.extra["p99_s"],
    }


def of_world(runs: list[Run]) -> dict[str, Any]:
    """The figures of one dense world; None where a peer was not measured."""
    from analyzer.bench.comparison import rate, ratio  # noqa: PLC0415 - as above

    [replay] = (run for run in runs if run.name == "replay")
    [steps] = (run for run in runs if run.name.endswith("step by step"))
    shares = {n.removesuffix("_share"): v for n, v in steps.extra.items() if n.endswith("_share")}
    return {
        "live_over_bare": ratio(rate(runs, "live worker"), rate(runs, "bare aiokafka")),
        "replay_cpu_us": replay.cpu_us_per_event,
        "replay_over_msgspec": ratio(rate(runs, "replay"), rate(runs, "bare msgspec")),
        "live_cpu_over_kafka_streams": None,
        "replay_cpu_over_duckdb": None,
        "last_days_us_per_event": steps.extra["last_days_us_per_event"],
        "state_bytes_per_account": steps.extra["state_bytes_per_account"],
        "step_shares": shares,
    }


def _over(runs: list[Run], name: str) -> float | None:
    return next((run.extra["over_native"] for run in runs if run.name == name), None)


def _machine(broker: str) -> dict[str, Any]:
    return {
        "cpus": os.cpu_count(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "broker": broker,
    }


def _broker(url: str | None) -> Any:
    from analyzer.testing import brokers  # noqa: PLC0415 - as above

    if url:
        return nullcontext(("given", url))
    return brokers.any_broker(
        Path("deploy/kafka"), group__initial__rebalance__delay__ms=str(GATHER_MS)
    )
