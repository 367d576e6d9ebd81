"""A real broker for the tests: Apache Kafka where Java and Maven are there."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from hypothesis import settings

from analyzer.cli import main
from analyzer.settings import Settings
from analyzer.testing import brokers, harness

SLOW = (
    "tests/bench", "tests/console/test_demo", "tests/contracts/test_emitted",
    "tests/contracts/test_types", "tests/core/test_admission", "tests/core/test_any_fields",
    "tests/core/test_evidence", "tests/core/test_feedback", "tests/core/test_fingerprint",
    "tests/core/test_hand_over", "tests/core/test_live_campaigns", "tests/core/test_measure",
    "tests/core/test_same_bytes", "tests/core/test_shadow", "tests/core/test_signals",
    "tests/core/test_state_shapes", "tests/core/test_triage", "tests/exchange", "tests/fuzz",
    "tests/formats/test_compiled", "tests/formats/test_same_events", "tests/formats/test_table",
    "tests/golden", "tests/replay", "tests/simulate", "tests/sinks/test_notify", "tests/stream",
    "tests/test_docs.py::test_the_commands_on_files_run", "tests/test_extension",
    "tests/test_metrics", "tests/test_precompile", "tests/training",
)  # fmt: skip
"""Tests that replay a simulated world, start processes or try thousands of records;
`make check-fast` leaves them out."""
VARIANTS = (
    "test_broker_away.py::test_without_a_broker[frozen",
    "test_topic_life.py::test_made_anew_while_nobody_works[1]",
    "test_topic_life.py::test_made_anew_while_nobody_works[3]",
    "test_topic_life.py::test_records_that_went_before_they_were_read[to the end]",
    "test_topic_life.py::test_records_that_went_before_they_were_read[deleted]",
    "test_topic_life.py::test_records_that_went_before_they_were_read[all deleted]",
    "test_topic_life.py::test_offsets_that_were_reset_count_nothing_twice[0]",
    "test_topic_life.py::test_offsets_that_were_reset_count_nothing_twice[400]",
    "test_topic_life.py::test_a_topic_that_is_kept_otherwise_is_refused[account-",
    *(f"test_golden.py::test_alerts_are_as_kept[{world}]" for world in (
        "residential", "burst", "churn", "pivot", "agency", "fleet", "harness", "batch", "release",
        "sdk", "plugin", "office", "vpn", "class", "cards",
    )),
    "test_same_bytes.py::test_shards_change_nothing[4-1]",
    "test_same_bytes.py::test_shards_change_nothing[1-3]",
    "test_live_campaigns.py::test_any_mixture_of_blocks_gives_the_same_bytes[0-1]",
    "test_live_campaigns.py::test_any_mixture_of_blocks_gives_the_same_bytes[1-2]",
    "test_live_campaigns.py::test_saved_and_restored_anywhere_it_says_the_same[0]",
    "test_live_campaigns.py::test_hours_without_traffic_are_decided_one_by_one[0]",
    "test_live_campaigns.py::test_hours_without_traffic_are_decided_one_by_one[2]",
    "test_feedback.py::test_what_never_expires_is_obeyed[253402300800000]",
    "test_feedback.py::test_what_never_expires_is_obeyed[1772532000000000]",
)  # fmt: skip
"""Further variants of tests that wait for brokers or replay worlds: of `make chaos`; `make test`
runs one of each kind. Look-alikes alone: all are together in the golden world ``quiet``."""
BRIEF_JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""A broker that lives for minutes is not worth being optimised: half the CPU of its start."""
JARS = pytest.StashKey[Path | None]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the chaos suite, and of what is kept in files."""
    parser.addoption(
        "--write-golden", action="store_true", help="rewrite what golden tests and shapes expect"
    )
    parser.addoption("--chaos", type=int, default=0, help="number of kills; 0 skips the suite")
    parser.addoption("--fuzz", type=float, default=0.5, help="seconds of fuzzing of each border")
    parser.addoption("--chaos-seed", type=int, default=1, help="which blows, and when")


def pytest_configure(config: pytest.Config) -> None:
    """Give property tests their time; find out which broker the integration tests run on."""
    # A test that is the first to call compiled code waits until it is compiled.
    settings.register_profile("unhurried", deadline=None)
    settings.load_profile("unhurried")
    os.environ.setdefault("JDK_JAVA_OPTIONS", BRIEF_JVM)
    config.stash[JARS] = harness.jars_of(Path(__file__).parents[1])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Whatever asks for a broker, or starts workers, is marked so that it can be left out.

    Tests of the stream come first: they are the longest, and wait while others compute.
    """
    items.sort(key=lambda item: not item.nodeid.startswith("tests/stream/"))
    everything = config.getoption("--chaos") or config.getoption("--write-golden")
    for item in items:
        if not everything and any(name in item.nodeid for name in VARIANTS):
            item.add_marker(pytest.mark.skip(reason="one more variant: make chaos"))
        asks = {"broker", "apache_broker", "settings"} & set(getattr(item, "fixturenames", ()))
        if asks or "tests/stream/test_chaos" in item.nodeid or "test_soak" in item.nodeid:
            item.add_marker("integration")
        if item.nodeid.startswith(SLOW):
            item.add_marker("slow")


def pytest_collection_finish() -> None:
    """What was loaded to find the tests stays; looking through it for garbage takes a tenth."""
    gc.freeze()


def pytest_report_header(config: pytest.Config) -> str:
    """Say which one it is."""
    if config.stash[JARS]:
        return "broker for integration tests: Apache Kafka"
    return (
        "broker for integration tests: the EMBEDDED one, because Java or Maven is missing; "
        "tests that need Apache Kafka are skipped"
    )


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., CompletedProcess[str]]:
    """Runs a command of ours in this process: a new one takes two seconds to start."""

    def run(*arguments: str | Path, settings: Settings | None = None) -> CompletedProcess[str]:
        capsys.readouterr()
        line = [str(argument) for argument in arguments]
        with pytest.MonkeyPatch.context() as patch:
            for name, text in harness.environment(settings or Settings()).items():
                patch.setenv(name, text)
            with pytest.raises(SystemExit) as ended:
                main(line)
        return CompletedProcess(line, int(ended.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def broker(pytestconfig: pytest.Config) -> Iterator[brokers.Broker]:
    """A broker shared by all tests; use topic names of your own."""
    jars = pytestconfig.stash[JARS]
    with brokers.apache(jars) if jars else brokers.embedded() as running:
        yield running


@pytest.fixture
def apache_broker(broker: brokers.Broker, pytestconfig: pytest.Config) -> brokers.Broker:
    """The shared broker if it is Apache Kafka; else the test is skipped and says why."""
    if not pytestconfig.stash[JARS]:
        pytest.skip("needs Apache Kafka: install Java 17 and Maven")
    return broker
