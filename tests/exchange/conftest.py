"""A small world that was replayed once, for all who read results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from click.testing import CliRunner

from analyzer.cli import app
from analyzer.core.contracts.records import Alert, Campaign, Member
from analyzer.replay.report import FILES
from analyzer.simulate import generate


class World:
    """A small world that was replayed."""

    def __init__(self, folder: Path) -> None:
        lines = list(generate("smoke", 5).lines())
        self.events = [orjson.loads(line) for line in lines]
        self.file, self.out = str(folder / "events.ndjson"), str(folder / "out")
        self.page = folder / "report.html"
        Path(self.file).write_bytes(b"".join(lines))
        words = ["replay", self.file, "--out", self.out, "--json", "--report", str(self.page)]
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, result.output
        self.alerts, self.campaigns, self.members = (
            [
                msgspec.json.decode(line, type=kind)
                for line in (folder / "out" / f"{name}.ndjson").read_bytes().splitlines()
            ]
            for name, kind in zip(FILES[:3], (Alert, Campaign, Member), strict=True)
        )

    def of(self, accounts: set[str]) -> list[dict[str, Any]]:
        """Events of these accounts."""
        return [event for event in self.events if event["account_id"] in accounts]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One replay for all tests."""
    return World(tmp_path_factory.mktemp("explain"))
