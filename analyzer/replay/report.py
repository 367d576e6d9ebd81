"""What a replay leaves behind: five files, the same records as the topics of live."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, Self

import msgspec
import orjson

from analyzer.core.contracts.records import (
    Alert,
    Campaign,
    DeadLetter,
    Member,
    Record,
    encode_record,
    record_key,
)
from analyzer.errors import UsageError

FILES = ("alerts", "campaigns", "members", "dead_letters")


class Report:
    """Writes alerts and dead letters as they come, campaigns and members in their last state.

    Parameters
    ----------
    folder
        Where the files go; None streams alerts alone to ``stream``.

    Raises
    ------
    UsageError
        If the folder can't be made.
    """

    def __init__(self, folder: Path | None, stream: BinaryIO) -> None:
        self._folder = folder
        self._latest: dict[type, dict[bytes, Record]] = {Campaign: {}, Member: {}}
        self._alerts: Counter[str] = Counter()
        self._open: dict[type, BinaryIO] = {Alert: stream}
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                self._open = {
                    Alert: (folder / "alerts.ndjson").open("wb"),
                    DeadLetter: (folder / "dead_letters.ndjson").open("wb"),
                }
            except OSError as error:
                raise UsageError(f"{folder}: {error.strerror}; give a folder") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            for stream in self._open.values():
                stream.close()

    def take(self, records: Iterable[Record | DeadLetter]) -> None:
        """Write or keep each record."""
        for record in records:
            if isinstance(record, Alert):
                self._alerts[f"{record.kind}.{record.severity}"] += 1
            if isinstance(record, Campaign | Member):
                self._latest[type(record)][record_key(record)] = record
            elif (stream := self._open.get(type(record))) is not None:
                stream.write(encode_record(record) + b"\n")
                if self._folder is None:
                    stream.flush()

    def finish(self, summary: dict[str, Any]) -> dict[str, Any]:
        """Write the last states, sorted by key, and the summary; gives the summary."""
        campaigns = self._latest[Campaign]
        members = [m for m in self._latest[Member].values() if isinstance(m, Member)]
        full = summary | {
            "alerts": dict(sorted(self._alerts.items())),
            "campaigns": len(campaigns),
            "members": sum(member.state == "member" for member in members),
        }
        if self._folder is not None:
            for kind, name in ((Campaign, "campaigns"), (Member, "members")):
                lines = (
                    encode_record(self._latest[kind][key]) for key in sorted(self._latest[kind])
                )
                (self._folder / f"{name}.ndjson").write_bytes(b"".join(x + b"\n" for x in lines))
            text = orjson.dumps(full, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
            (self._folder / "summary.json").write_bytes(text)
        return full


def read(folder: Path, name: str, kind: type[Any]) -> list[Any]:
    """The records of one file of a report.

    Raises
    ------
    UsageError
        If the folder holds no such file.
    """
    path = folder / f"{name}.ndjson"
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; give a folder that replay wrote") from error
    return [msgspec.json.decode(line, type=kind) for line in lines]


def read_summary(folder: Path) -> dict[str, Any]:
    """The summary of a report.

    Raises
    ------
    UsageError
        If the folder holds none.
    """
    path = folder / "summary.json"
    try:
        found: dict[str, Any] = orjson.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; give a folder that replay wrote") from error
    except orjson.JSONDecodeError as error:
        raise UsageError(f"{path}: {error}; run the replay again") from error
    return found
