"""All programs that are measured, one after another in rounds; and the ratios between them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median

import msgspec

from analyzer.bench import dense, latency, quix, workers
from analyzer.bench.events import events
from analyzer.bench.timing import Run
from analyzer.core.config import CoreConfig
from analyzer.errors import Broken
from analyzer.settings import Settings
from analyzer.settings_tables import Worker
from analyzer.testing import harness

PARTITIONS = 4
ACCOUNTS = (10_000, 100_000, 1_000_000)
A_HEAD = 2
"""Events of an account in six hours: somewhat more than light accounts send."""
TEN_YEARS_S = 315_360_000
WITHIN_S = 900.0
Say = Callable[[str], None]


def settings_for(broker: str, **core: int) -> Settings:
    """Topics of its own; every window is judged, as there is no warm-up."""
    name = "bench" + uuid.uuid4().hex[:6]
    return Settings(
        broker=broker,
        app_id=name,
        topics=harness.own_topics(name, PARTITIONS),
        worker=Worker(max_bad_share=1.0),
        core=CoreConfig.model_validate({"warmup_s": 0, **core}),
    )


def run_one(settings: Settings, module: str, *arguments: str) -> Run:
    """One program, in a process of its own; what it leaves in its temporary folder goes with it.

    Raises
    ------
    Broken
        If it failed; the message holds its last words.
    """
    with tempfile.TemporaryDirectory(prefix="analyzer-bench-") as folder:
        done = subprocess.run(  # noqa: S603 - our own command line
            [sys.executable, "-m", f"analyzer.bench.{module}", *arguments],
            env=harness.environment(settings) | {"TMPDIR": folder},
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
    try:
        return msgspec.json.decode(done.stdout.splitlines()[-1], type=Run)
    except (IndexError, msgspec.DecodeError) as error:
        raise Broken(f"{module} {arguments}: {done.stderr[-2_000:]}") from error


def stream_rounds(broker: str, count: int, rounds: int, say: Say) -> list[Run]:
    """Live and its peers on one topic, interleaved."""
    runs: list[Run] = []
    settings = settings_for(broker)
    harness.create_topics(settings)
    keyed = ((_account(line), line) for line in events(count, count // 40))
    harness.produce(settings, keyed)
    few, fewer = str(min(count, 60_000)), str(min(count, 2_000))
    programs = (
        ("baselines", "bare", str(count)),
        ("live", "transport", str(count)),
        ("live", "worker", str(count)),
        ("baselines", "stock", few),
    )
    for number in range(rounds):
        for module, *arguments in programs:
            # Each run of the worker begins with topics and a group that nobody has used.
            fresh = _fresh_internal(settings, f"r{number}")
            runs.append(_told(run_one(fresh, module, *arguments), say))
    runs.append(_told(run_one(settings, "baselines", "tables", fewer), say))
    if quix.is_there():
        for kind, enough in zip(quix.KINDS, (few, fewer), strict=True):
            runs.append(_told(run_one(settings, "quix", kind, enough), say))
    for number in (1, 2):
        fresh = _fresh_internal(settings, f"w{number}")
        runs.append(_told(workers.measure(fresh, count, number), say))
    return [*runs, _told(workers.come_back(fresh), say)]


def _account(line: bytes) -> bytes:
    return line.partition(b'"account_id":"')[2].partition(b'"')[0]


def _fresh_internal(settings: Settings, suffix: str) -> Settings:
    name = f"{settings.app_id}-{suffix}-{uuid.uuid4().hex[:4]}"
    own = harness.own_topics(name, PARTITIONS)
    fresh = settings.model_copy(
        update={
            "app_id": name,
            "topics": own.model_copy(update={"requests": settings.topics.requests}),
        }
    )
    harness.create_topics(fresh)
    return fresh


def file_rounds(count: int, rounds: int, say: Say) -> list[Run]:
    """Replay and bare decoding of one file, interleaved."""
    settings = settings_for("kafka://127.0.0.1:9")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.ndjson"
        with path.open("wb") as out:
            out.writelines(line + b"\n" for line in events(count, count // 40))
        return [
            _told(run_one(settings, "files", name, str(path)), say)
            for _ in range(rounds)
            for name in ("bare", "replay")
        ]


def dense_runs(broker: str, say: Say) -> dict[str, list[Run]]:
    """Runs by the name of each world that is as dense as a real one.

    Bare decoding, replay, and its steps on the file; the bare transport and live on a topic.
    """
    found: dict[str, list[Run]] = {}
    for name, days in dense.STREAMS.items():
        settings = settings_for(broker, warmup_s=CoreConfig().warmup_s, max_future_s=TEN_YEARS_S)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "events.ndjson"
            dense.write(days, path)
            programs = [("files", "bare"), ("files", "replay"), ("dense", name)]
            runs = [run_one(settings, *program, str(path)) for program in programs]
            harness.create_topics(settings)
            with path.open("rb") as lines:
                harness.produce(settings, ((_account(line), line.rstrip(b"\n")) for line in lines))
        events = str(runs[0].events)
        runs.append(run_one(settings, "baselines", "bare", events))
        fresh = _fresh_internal(settings, name)
        runs.append(run_one(fresh, "live", "worker", events))
        found[name] = [_told(run, say) for run in runs]
    return found


def core_runs(count: int, say: Say) -> list[Run]:
    """The core by number of accounts: with the same events in all, then with the same a head."""
    settings = settings_for("kafka://127.0.0.1:9")
    sizes = [(n, count) for n in ACCOUNTS] + [(n, n * A_HEAD) for n in ACCOUNTS]
    return [_told(run_one(settings, "core", str(n), str(m)), say) for n, m in sizes]


def latency_run(broker: str, say: Say) -> Run:
    """From event to alert on a small scenario."""
    settings = settings_for(broker, max_future_s=TEN_YEARS_S)
    harness.create_topics(settings)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "smoke.ndjson"
        line = [sys.executable, "-m", "analyzer", "simulate", "--scenario", "smoke"]
        subprocess.run(  # noqa: S603 - our own command line
            [*line, "--out", str(out)], check=True, capture_output=True, env=dict(os.environ)
        )
        lines = out.read_bytes().splitlines()
    return _told(latency.measure(settings, lines, PARTITIONS), say)


def rate(runs: Iterable[Run], prefix: str) -> float | None:
    """Median events a second of the runs whose name begins so."""
    found = [run.events_per_s for run in runs if run.name.startswith(prefix)]
    return median(found) if found else None


def ratio(one: float | None, other: float | None) -> float | None:
    """How many times the other; None if either is not known."""
    return round(one / other, 3) if one and other else None


def _told(run: Run, say: Say) -> Run:
    figures = f"{run.events_per_s:>12,.0f} events/s {run.cpu_us_per_event:>9.2f} µs CPU an event"
    say(f"{run.name:<52}{figures}  {run.extra or ''}")
    return run
