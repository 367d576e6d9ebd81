"""Logs say what happened and never what customers wrote."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

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


def test_json_logs_are_one_object_a_line() -> None:
    """Every field that was given is a field."""
    line = json.loads(written("json"))
    assert (line["event"], line["shard"], line["level"]) == ("failed", 3, "error")
