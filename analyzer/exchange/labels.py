"""Who is truly an operator's account, as labels say: for precision and recall of a replay."""

from __future__ import annotations

from pathlib import Path

import orjson

from analyzer.errors import UsageError


def positives(path: Path) -> frozenset[str]:
    """Accounts of operations.

    Either what ``analyzer simulate`` writes beside its events (``{"campaigns": [{"accounts":
    […]}]}``), or ``{"labels": {account: label}}`` in which labels of operations begin with
    ``campaign``, or the accounts themselves, one a line.

    Raises
    ------
    UsageError
        If the file can't be read, or is none of these.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; check the path") from error
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        return _lines(data, path)
    try:
        if "labels" in found:
            labels = found["labels"].items()
            return frozenset(name for name, label in labels if str(label).startswith("campaign"))
        return frozenset(str(name) for each in found["campaigns"] for name in each["accounts"])
    except (AttributeError, KeyError, TypeError) as error:
        raise UsageError(
            f'{path}: no labels; give {{"campaigns": [{{"accounts": [...]}}]}}, '
            '{"labels": {account: label}}, or one account a line'
        ) from error


def _lines(data: bytes, path: Path) -> frozenset[str]:
    try:
        lines = data.decode().splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: neither JSON nor text; give labels") from error
    if any(line.lstrip().startswith(("{", "[")) for line in lines):
        raise UsageError(f"{path}: damaged JSON; give labels as one JSON object")
    return frozenset(line.strip() for line in lines if line.strip())
