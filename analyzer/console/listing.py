"""Effective settings as TOML: one key a line, with what it means; secrets masked.

So is a calibration: a page of figures, of which nobody knows here which file it was in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import BaseModel, SecretStr

from analyzer.core.contracts.calibration import Calibration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.settings import Settings

MASK = "**********"
SECRETS = {"core.hash_key"}
"""Secrets that are kept as plain text."""
COLUMN = 44


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting."""

    key: str
    """With its table, as in ``core.pane_s``."""
    value: Any
    """Plain JSON value; ``MASK`` for a secret or calibration that is set."""
    told: str
    """What it means, with its unit."""
    default: bool
    """Whether nobody has set it."""


def entries(settings: Settings) -> list[Entry]:
    """All settings, those without a table first."""
    found = list(_walk(settings, ""))
    return sorted(found, key=lambda entry: "." in entry.key)


def as_toml(settings: Settings) -> str:
    """A file that gives the same settings, but for secrets; what is not set is a comment."""
    lines: list[str] = []
    table = ""
    for entry in entries(settings):
        own, _, key = entry.key.rpartition(".")
        if own != table:
            lines += ["", f"[{own}]"]
            table = own
        lines.append(f"{_assignment(key, entry.value):<{COLUMN}} # {entry.told}")
    return "\n".join(lines) + "\n"


def as_json(settings: Settings) -> str:
    """The same as one JSON object, key by key."""
    found = {
        entry.key: {"value": entry.value, "default": entry.default, "description": entry.told}
        for entry in entries(settings)
    }
    return orjson.dumps(found, option=orjson.OPT_INDENT_2).decode()


def _walk(table: BaseModel, prefix: str) -> Iterator[Entry]:
    for name, field in type(table).model_fields.items():
        key, value = f"{prefix}{name}", getattr(table, name)
        if isinstance(value, BaseModel) and not isinstance(value, Calibration):
            yield from _walk(value, f"{key}.")
            continue
        default = value == field.get_default(call_default_factory=True)
        yield Entry(key, _shown(key, value, default=default), field.description or "", default)


def _shown(key: str, value: Any, *, default: bool) -> Any:
    if isinstance(value, SecretStr | Calibration) or (key in SECRETS and not default):
        return MASK
    if isinstance(value, dict):  # settings of sinks: who knows which of them are secrets
        return {name: dict.fromkeys(table, MASK) for name, table in value.items()}
    if isinstance(value, tuple):
        return [_shown(key, part, default=default) for part in value]
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True)
    if isinstance(value, dict):
        return {name: _shown(key, part, default=default) for name, part in value.items()}
    return value if isinstance(value, int | float | str | None) else str(value)


def _assignment(key: str, value: Any) -> str:
    if value is None or value == MASK or isinstance(value, dict):
        return f"# {key} = {'' if value is None else _toml(value)}".rstrip()
    return f"{key} = {_toml(value)}"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(part)}" for key, part in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return orjson.dumps(value).decode()  # a JSON scalar is a TOML scalar
