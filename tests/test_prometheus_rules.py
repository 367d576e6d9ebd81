"""The rules for Prometheus: each kind of silence fires one, and a quiet day fires none."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

FOLDER = Path(__file__).parents[1] / "deploy" / "prometheus"
RULES = yaml.safe_load((FOLDER / "analyzer.rules.yml").read_text("utf-8"))
TESTS = yaml.safe_load((FOLDER / "analyzer.rules.test.yml").read_text("utf-8"))
ALERTS = {rule["alert"] for group in RULES["groups"] for rule in group["rules"]}


def test_every_rule_is_tried() -> None:
    """With something that makes it fire."""
    tried = {
        case["alertname"]
        for test in TESTS["tests"]
        for case in test.get("alert_rule_test", [])
        if case["exp_alerts"]
    }
    assert tried == ALERTS


def test_promtool_finds_that_each_fires() -> None:
    """By Prometheus' own tool."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("needs promtool: install Debian's package `prometheus`")
    for command in (
        ["check", "rules", "analyzer.rules.yml"],
        ["test", "rules", "analyzer.rules.test.yml"],
    ):
        done = subprocess.run(
            [promtool, *command], cwd=FOLDER, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
