"""Extending is one file and one line: tried on a copy of the package, as a newcomer would.

The recipes are in CONTRIBUTING.md; what this test writes is what they say. A model has besides
to be owned by a step.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

import analyzer
from analyzer.simulate import generate

SIGNAL = '''"""Always: a signal that sees the same in every cohort."""

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.selection import Cohorts

NAME, FAMILY, UNIT = "always", "new_family", "share"
MEANING = "everybody does it"
NEEDS = ()


def measure(cohorts: Cohorts) -> NDArray[np.float64]:
    """0.9 everywhere, which is strong evidence for whoever believes it."""
    return np.full(len(cohorts), 0.9)
'''
MODEL = '''"""Typical: the mean of all signals of all cohorts so far, by River's Mean."""

from river import stats

from analyzer.core.cohort.catalog import NAMES
from analyzer.core.cohort.models.safe_pickle import dump, load, probe


class Typical:
    def __init__(self):
        self.names, self.mean = NAMES, stats.Mean()

    def learn(self, features):
        for value in features[features > 0].tolist():
            self.mean.update(value)

    def snapshot(self):
        return dump((self.names, self.mean))

    def restore(self, data):
        probe(lambda: load(data)[1].get())
        self.names, self.mean = load(data)
'''
OWNED = {
    "import Triage\n": "from analyzer.core.cohort.models.typical import Typical\n",
    "        self._triage = Triage(config.seed)\n": "        self.typical = Typical()\n",
    "                features = measure_all(cohorts)\n": (
        "                self.typical.learn(features)\n"
    ),
    '        state = {"windows": self.windows.state(), "triage": self._triage.snapshot()}\n': (
        '        state["typical"] = self.typical.snapshot()\n'
    ),
    '        self._triage.restore(state["triage"])\n': (
        '        self.typical.restore(state["typical"])\n'
    ),
}
"""Line of the cohort step → what owning the model puts behind it."""
SINK = '''"""Alerts to a file, one id a line."""

from pathlib import Path

from pydantic import BaseModel

from analyzer.sinks.catalog import table


class Options(BaseModel):
    path: Path


class FileSink:
    name = "file"

    def __init__(self, options):
        self._path = options.path

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    async def deliver(self, alert):
        with self._path.open("a") as file:
            file.write(alert.alert_id + "\\n")


def file_sink(settings):
    options = table(settings, "file", Options)
    return FileSink(options) if options else None
'''
FORMAT = '''"""Nested: a native event as text in a field of its own."""

import base64

import msgspec

from analyzer.formats.protocol import Inner, Paths, UnfitError


class Nested:
    name = "nested"
    marks = (b'"nested"',)
    paths = Paths(account=())
    losses = {}

    def __init__(self, paths, proxies):
        pass

    def read(self, record):
        found = msgspec.json.decode(record)
        if "nested" not in found:
            raise UnfitError("not nested")
        return [Inner(base64.b64decode(found["nested"]))]
'''
DELIVER = """
import asyncio, sys
from pathlib import Path
from analyzer import wiring
from analyzer.core.contracts.records import Alert
from analyzer.replay.report import read
from analyzer.settings import Settings

async def deliver():
    for sink in wiring.sinks(Settings.load(Path(sys.argv[1]))):
        async with sink:
            for alert in read(Path(sys.argv[2]), "alerts", Alert):
                await sink.deliver(alert)

asyncio.run(deliver())
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the package, compiled code and all."""
    folder = tmp_path_factory.mktemp("house")
    shutil.copytree(Path(str(analyzer.__file__)).parent, folder / "analyzer")
    return folder


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of a small world with one campaign."""
    file = tmp_path_factory.mktemp("world") / "world.ndjson"
    file.write_bytes(b"".join(generate("smoke", 5, 0.5, 1.5).lines()))
    return file


def add(house: Path, file: str, text: str, line: tuple[str, str, str]) -> None:
    """One file, and one line in one list: where, after what, and which."""
    (house / "analyzer" / file).write_text(text, "utf-8")
    put(house, *line)


def put(house: Path, file: str, old: str, new: str) -> None:
    """A line behind the only one that ends so."""
    path = house / "analyzer" / file
    before = path.read_text("utf-8")
    assert before.count(old) == 1
    path.write_text(before.replace(old, old + new), "utf-8")


def run(house: Path, *line: str | Path) -> str:
    """A Python that finds the copy; what it prints."""
    done = subprocess.run(
        [sys.executable, *map(str, line)],
        cwd=house,
        env={**os.environ, "PYTHONPATH": str(house)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def replay(house: Path, world: Path, out: Path) -> dict[str, object]:
    """The summary of a replay."""
    text = run(house, "-m", "analyzer", "replay", world, "--out", out, "--json")
    found: dict[str, object] = orjson.loads(text)
    return found


def told(out: Path) -> list[dict[str, object]]:
    """The alerts, without the readings that they show."""
    lines = (out / "alerts.ndjson").read_bytes().splitlines()
    return [
        {k: v for k, v in orjson.loads(x).items() if k not in {"signals", "provenance"}}
        for x in lines
    ]


def test_a_new_signal_weighs_nothing_until_it_is_fitted(
    house: Path, world: Path, tmp_path: Path
) -> None:
    """It says so; alerts, campaigns and members stay as they were, and a state goes on."""
    before = replay(house, world, tmp_path / "before")
    state = tmp_path / "state"
    run(house, "-c", SAVE, world, state)
    add(
        house,
        "core/cohort/signals/always.py",
        SIGNAL,
        ("core/cohort/catalog.py", '    "repeated_items",\n', '    "always",\n'),
    )
    after = replay(house, world, tmp_path / "after")
    assert isinstance(known := before["unfitted_signals"], list)
    assert after["unfitted_signals"] == [*known, "always"]
    assert told(tmp_path / "before")
    assert told(tmp_path / "after") == told(tmp_path / "before")
    for name in ("campaigns", "members"):
        file = f"{name}.ndjson"
        assert (tmp_path / "after" / file).read_bytes() == (tmp_path / "before" / file).read_bytes()
    assert int(run(house, "-c", GO_ON, world, state)) > 0


SAVE = """
import sys
from pathlib import Path
from analyzer.core.config import CoreConfig
from analyzer.core.pipeline import Pipeline, Sharding
from analyzer.testing.reference_run import raw_batch

lines = Path(sys.argv[1]).read_bytes().splitlines()
pipeline = Pipeline(CoreConfig(), Sharding(cohort_shards=2))
pipeline.feed(0, raw_batch(lines[: len(lines) * 9 // 10]))
folder = Path(sys.argv[2])
folder.mkdir()
for name, steps in list(pipeline.steps.items())[1:]:
    for number, step in enumerate(steps):
        (folder / f"{name}-{number}").write_bytes(step.snapshot())
"""
GO_ON = """
import sys
from pathlib import Path
from analyzer.core.config import CoreConfig
from analyzer.core.pipeline import Pipeline, Sharding
from analyzer.testing.reference_run import raw_batch

lines = Path(sys.argv[1]).read_bytes().splitlines()
start = len(lines) * 9 // 10
pipeline = Pipeline(CoreConfig(), Sharding(cohort_shards=2))
pipeline.steps["ingest"][0].resume(start, None)
for name, steps in list(pipeline.steps.items())[1:]:
    for number, step in enumerate(steps):
        step.restore((Path(sys.argv[2]) / f"{name}-{number}").read_bytes())
found = pipeline.feed(0, raw_batch(lines[start:], start)) + pipeline.finish()
print(len(list(found.made)))
"""


def test_a_new_model_is_saved_with_its_step(house: Path, world: Path, tmp_path: Path) -> None:
    """It learns, and goes on from what was saved with the step that owns it."""
    add(
        house,
        "core/cohort/models/typical.py",
        MODEL,
        (
            "core/cohort/models/safe_pickle.py",
            '    ("river.stats.quantile", "Quantile"),\n',
            '    ("river.stats.mean", "Mean"),\n',
        ),
    )
    for old, new in OWNED.items():
        put(house, "core/cohort/step.py", old, new)
    state = tmp_path / "state"
    run(house, "-c", SAVE, world, state)
    learned = float(run(house, "-c", LEARNED, state))
    assert learned > 0
    after = run(house, "-c", GO_ON + TELL_LEARNED, world, state).split()[-1]
    assert float(after) > learned


LEARNED = """
import sys
from pathlib import Path
from analyzer.core.cohort.step import CohortStep
from analyzer.core.config import CoreConfig

step = CohortStep(CoreConfig(), shard=0, shards=2, sources=1)
step.restore((Path(sys.argv[1]) / "cohort-0").read_bytes())
print(step.typical.mean.n)
"""
TELL_LEARNED = "print(pipeline.steps['cohort'][0].typical.mean.n)"


def test_a_new_sink_gets_the_alerts(house: Path, world: Path, tmp_path: Path) -> None:
    """Its settings are a table of its own; all alerts of a replay arrive."""
    add(
        house,
        "sinks/file.py",
        SINK,
        (
            "sinks/catalog.py",
            '    "analyzer.sinks.slack:slack_sink",\n',
            '    "analyzer.sinks.file:file_sink",\n',
        ),
    )
    out, got, toml = tmp_path / "out", tmp_path / "got", tmp_path / "analyzer.toml"
    toml.write_text(f'[sinks.file]\npath = "{got}"\n', "utf-8")
    replay(house, world, out)
    run(house, "-c", DELIVER, toml, out)
    lines = (out / "alerts.ndjson").read_bytes().splitlines()
    ids = [orjson.loads(line)["alert_id"] for line in lines]
    assert ids
    assert got.read_text("utf-8").split() == ids


def test_a_new_raw_format_is_read(house: Path, world: Path, tmp_path: Path) -> None:
    """Found record by record: the same alerts as from the native events."""
    add(
        house,
        "formats/nested.py",
        FORMAT,
        ("formats/catalog.py", '    "native:Native",\n', '    "nested:Nested",\n'),
    )
    other = tmp_path / "nested.ndjson"
    lines = world.read_bytes().splitlines()
    packed = [base64.b64encode(line) for line in lines]
    other.write_bytes(b"".join(b'{"nested":"' + text + b'"}\n' for text in packed))
    native = replay(house, world, tmp_path / "native")
    nested = replay(house, other, tmp_path / "nested")
    assert nested["events"] == native["events"]
    assert told(tmp_path / "nested") == told(tmp_path / "native") != []
