"""The examples do what their names say, and the frozen ones always will."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def test_every_schema_is_a_schema(contract: Any) -> None:
    """Each file is valid JSON Schema 2020-12."""
    import jsonschema

    jsonschema.Draft202012Validator.check_schema(contract.schema)


def test_every_field_is_told(contract: Any) -> None:
    """Each field has a title and a description; a time or a size says its unit."""
    tables = [contract.schema, *contract.schema.get("$defs", {}).values()]
    for name, field in ((n, f) for table in tables for n, f in table["properties"].items()):
        if "$ref" in field or "anyOf" in field:
            continue
        assert field["title"], name
        assert field["description"], name
        for suffix, unit in (("_ms", "milliseconds"), ("_s", "seconds"), ("_bytes", "bytes")):
            assert not name.endswith(suffix) or unit in field["description"], name


def test_every_contract_has_examples(contract: Any, schemas: Path) -> None:
    """At least two valid, five invalid, and a frozen copy of the valid ones."""
    assert len(list((schemas / "examples" / contract.name / "valid").glob("*.json"))) >= 2
    assert len(list((schemas / "examples" / contract.name / "invalid").glob("*.json"))) >= 5
    assert len(list((schemas / "frozen" / "v1" / contract.name).glob("*.json"))) >= 2


def test_valid_example(valid_example: Path, contracts: dict[str, Any]) -> None:
    """Schema and type take it."""
    contract, value = contracts[valid_example.parent.parent.name], _read(valid_example)
    assert contract.accepts(value)
    assert contract.decodes(value)


def test_invalid_example(invalid_example: Path, contracts: dict[str, Any]) -> None:
    """The schema refuses it; so does the type of what we read."""
    contract, value = contracts[invalid_example.parent.parent.name], _read(invalid_example)
    assert not contract.accepts(value)
    assert not (contract.read and contract.decodes(value))


def test_frozen_example(frozen_example: Path, contracts: dict[str, Any]) -> None:
    """What was valid when version 1 was published is valid for good: add fields, change none."""
    contract, value = contracts[frozen_example.parent.name], _read(frozen_example)
    assert contract.accepts(value)
    assert contract.decodes(value)


def _read(file: Path) -> Any:
    return json.loads(file.read_text("utf-8"))
