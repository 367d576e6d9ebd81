"""Logs say what happened and never what customers wrote."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from analyzer.ops import logs
from analyzer.settings import Settings


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def written(log_format: str) -> str:
    """What an error with a customer's prompt in a local variable leaves in the log."""
    out = io.StringIO()
    logs.setup(Settings.model_validate({"log_format": log_format}), out)
    prompt = "tell me " + "a secret"
    try:
        _ = [][len(prompt)]
    except IndexError:
        structlog.get_logger("analyzer.test").exception("failed", shard=3)
    return out.getvalue()


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_traceback_shows_no_local_variables(log_format: str) -> None:
    """The error is there with its place; the prompt is not."""
    text = written(log_format)
    assert "IndexError" in text
    assert "tell me a secret" not in text


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_no_level_lets_the_libraries_show_records(level: str) -> None:
    """Their debug lines hold whole fetches; ours go as far as they are asked to."""
    out = io.StringIO()
    logs.setup(Settings.model_validate({"log_level": level}), out)
    for name in (*logs.LIBRARIES, "aiokafka.conn", "faust.transport"):
        logging.getLogger(name).debug("FetchResponse(%s)", "tell me a secret")
    logging.getLogger("analyzer.stream").debug("ours")
    assert "secret" not in out.getvalue()
    assert ("ours" in out.getvalue()) == (level == "debug")


def test_json_logs_are_one_object_a_line() -> None:
    """Every field that was given is a field."""
    line = json.loads(written("json"))
    assert (line["event"], line["shard"], line["level"]) == ("failed", 3, "error")


@given(st.lists(st.tuples(st.floats(0, 90), st.sampled_from(["aiokafka.x", "mode", "analyzer"]))))
def test_the_libraries_say_a_line_a_minute(said: list[tuple[float, str]]) -> None:
    """Whatever they say; ours is always let through, and what was withheld is counted."""
    now, last, withheld = 0.0, -logs.ONE_LINE_EVERY_S, 0
    sparing = logs.Sparing(lambda: now)
    for pause_s, name in said:
        now += pause_s
        record = logging.LogRecord(name, logging.ERROR, "", 0, "no %s", ("broker",), None)
        passed = sparing.filter(record)
        if name == "analyzer":
            assert passed
        elif now - last < logs.ONE_LINE_EVERY_S:
            assert not passed
            withheld += 1
        else:
            more = f" (and {withheld} more lines of the libraries before)" if withheld else ""
            assert record.getMessage() == "no broker" + more
            last, withheld = now, 0
