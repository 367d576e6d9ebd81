"""The contracts: each schema file beside the type that the code uses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from analyzer.core.contracts.feedback import Feedback
from analyzer.core.contracts.records import Alert, Campaign, DeadLetter, Member
from analyzer.core.contracts.request_event import RequestEvent

SCHEMAS = Path(__file__).parents[2] / "schemas"
READ: dict[str, type[msgspec.Struct]] = {"llm.request.v1": RequestEvent, "feedback.v1": Feedback}
EMITTED: dict[str, type[msgspec.Struct]] = {
    "alert.v1": Alert,
    "campaign.v1": Campaign,
    "member.v1": Member,
    "dead-letter.v1": DeadLetter,
}


@dataclass(frozen=True, slots=True)
class Contract:
    """One contract, seen from both sides."""

    name: str
    type: type[msgspec.Struct]
    schema: dict[str, Any]
    read: bool
    """Whether we read it (else we write it)."""

    def accepts(self, value: object) -> bool:
        """Whether the schema takes the value."""
        import jsonschema  # seconds, which whoever runs other tests need not wait

        return bool(jsonschema.Draft202012Validator(self.schema).is_valid(value))

    def decodes(self, value: object) -> bool:
        """Whether the type takes the value."""
        try:
            msgspec.json.decode(json.dumps(value), type=self.type)
        except msgspec.ValidationError:
            return False
        return True


def load(name: str) -> Contract:
    """The contract of that name."""
    schema = json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))
    return Contract(name, (READ | EMITTED)[name], schema, name in READ)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for a contract with each; one that asks for an example, with each."""
    names = sorted(READ | EMITTED)
    if "contract" in metafunc.fixturenames:
        metafunc.parametrize("contract", [load(name) for name in names], ids=names)
    for kind in ("valid", "invalid", "frozen"):
        if f"{kind}_example" in metafunc.fixturenames:
            files = sorted(_files(kind))
            ids = [f"{file.relative_to(SCHEMAS)}" for file in files]
            metafunc.parametrize(f"{kind}_example", files, ids=ids)


def _files(kind: str) -> list[Path]:
    if kind == "frozen":
        return list((SCHEMAS / "frozen").glob("*/*/*.json"))
    return list((SCHEMAS / "examples").glob(f"*/{kind}/*.json"))


@pytest.fixture(scope="session")
def contracts() -> dict[str, Contract]:
    """All contracts by name."""
    return {name: load(name) for name in READ | EMITTED}


@pytest.fixture(scope="session")
def schemas() -> Path:
    """Folder of the schemas."""
    return SCHEMAS
