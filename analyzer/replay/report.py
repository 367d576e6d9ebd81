"""What a replay leaves behind: five files, the same records as the topics of live.

They are written whole or not at all: into a folder of their own beside the one asked for, which
takes its place when everything is there. Nobody but the user may read them.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Self

import msgspec
import orjson

from analyzer.core.contracts.decode import UNREADABLE
from analyzer.core.contracts.records import (
    Alert,
    Campaign,
    DeadLetter,
    Member,
    Record,
    encode_record,
    record_key,
)
from analyzer.errors import AnalyzerError, UsageError
from analyzer.whole_files import scratch_prefix

FILES = ("alerts", "campaigns", "members", "dead_letters")
SUMMARY, RECORD = "summary.json", "record.zst"
_STREAMED = ("alerts.ndjson", "dead_letters.ndjson")
_KEPT: tuple[type[Any], ...] = (Campaign, Member)
_NAMES = frozenset({*(f"{name}.ndjson" for name in FILES), SUMMARY, RECORD})


class Report:
    """Writes alerts and dead letters as they come, campaigns and members in their last state.

    Parameters
    ----------
    folder
        Where the files go; None streams alerts alone to ``stream``.

    Raises
    ------
    UsageError
        If nothing can be written there.
    """

    def __init__(self, folder: Path | None, stream: BinaryIO | None) -> None:
        if folder is None and stream is None:
            raise UsageError("standard output is closed; give --out a folder")
        self._folder = folder.absolute() if folder else None
        self._latest: dict[type, dict[bytes, Record]] = {Campaign: {}, Member: {}}
        self._alerts: Counter[str] = Counter()
        self._open: dict[type, BinaryIO] = {Alert: stream} if stream else {}
        self._scratch: Path | None = None
        if self._folder is not None:
            try:
                self._scratch = _scratch_beside(self._folder)
                self._open = {
                    Alert: (self._scratch / "alerts.ndjson").open("wb"),
                    DeadLetter: (self._scratch / "dead_letters.ndjson").open("wb"),
                }
            except OSError as error:
                raise UsageError(f"{folder}: {error.strerror}; give a folder") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._scratch is not None:
            for stream in self._open.values():
                with suppress(OSError):  # a full disk was told of before
                    stream.close()
            shutil.rmtree(self._scratch, ignore_errors=True)

    def open_record(self) -> BinaryIO:
        """The file for a record of all decisions, put in place with the others.

        Raises
        ------
        UsageError
            If results go to no folder.
        """
        if self._scratch is None:
            raise UsageError("--record lies among the results; give --out a folder")
        self._open[bytes] = stream = (self._scratch / RECORD).open("wb")
        return stream

    def take(self, records: Iterable[Record | DeadLetter]) -> None:
        """Write or keep each record.

        Raises
        ------
        AnalyzerError
            If there is no room.
        """
        for record in records:
            if isinstance(record, Alert):
                self._alerts[f"{record.kind}.{record.severity}"] += 1
            if isinstance(record, Campaign | Member):
                self._latest[type(record)][record_key(record)] = record
            elif (stream := self._open.get(type(record))) is not None:
                with self._writing():
                    stream.write(encode_record(record) + b"\n")
                    if self._folder is None:
                        stream.flush()

    def state(self) -> dict[str, Any]:
        """What was written and kept so far, as plain data."""
        for stream in self._open.values():
            stream.flush()
        scratch = self._scratch or Path()
        return {
            "files": {name: (scratch / name).read_bytes() for name in _STREAMED},
            "latest": [
                encode_record(record) for kind in _KEPT for record in self._latest[kind].values()
            ],
            "kinds": [len(self._latest[kind]) for kind in _KEPT],
            "alerts": dict(self._alerts),
        }

    def go_on(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` of another report gave."""
        for streamed, name in zip((Alert, DeadLetter), _STREAMED, strict=True):
            self._open[streamed].write(state["files"][name])
        lines = iter(state["latest"])
        for kind, count in zip(_KEPT, state["kinds"], strict=True):
            for _ in range(count):
                record: Record = msgspec.json.decode(next(lines), type=kind)
                self._latest[kind][record_key(record)] = record
        self._alerts = Counter(state["alerts"])

    def finish(self, summary: dict[str, Any]) -> dict[str, Any]:
        """Write the last states, sorted by key, and the summary; gives the summary.

        Raises
        ------
        AnalyzerError
            If there is no room; then what was there before is there still.
        """
        campaigns = self._latest[Campaign]
        members = [m for m in self._latest[Member].values() if isinstance(m, Member)]
        full = summary | {
            "alerts": dict(sorted(self._alerts.items())),
            "campaigns": len(campaigns),
            "members": sum(member.state == "member" for member in members),
        }
        if self._folder is not None and self._scratch is not None:
            with self._writing():
                for stream in self._open.values():
                    stream.close()
                self._write_states(self._scratch)
                text = orjson.dumps(full, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
                (self._scratch / SUMMARY).write_bytes(text)
                _put_in_place(self._scratch, self._folder)
        return full

    def _write_states(self, folder: Path) -> None:
        for kind, name in ((Campaign, "campaigns"), (Member, "members")):
            lines = (encode_record(self._latest[kind][key]) for key in sorted(self._latest[kind]))
            (folder / f"{name}.ndjson").write_bytes(b"".join(x + b"\n" for x in lines))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            where = self._folder or "standard output"
            reason = error.strerror or str(error)
            raise AnalyzerError(f"{where}: {reason}; nothing was written there") from error


def _scratch_beside(folder: Path) -> Path:
    """A new folder next to this one, for its owner only; those of replays killed are removed."""
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(20, "Not a directory")
    folder.parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=scratch_prefix(folder), dir=folder.parent))


def _put_in_place(made: Path, folder: Path) -> None:
    """Let what was made take the place of what was there.

    A folder that holds nothing but results is replaced as one; in any other one the summary,
    without which nothing is read, goes first and comes last.
    """
    for file in made.iterdir():
        file.chmod(0o600)
    if not folder.exists():
        made.rename(folder)
        return
    ours = {file.name for file in folder.iterdir()} <= _NAMES
    if ours and not folder.is_symlink() and folder.resolve() != Path.cwd():
        before = made.with_name(f"{made.name}-before")
        try:
            folder.rename(before)
        except OSError:
            pass  # a mount point, or the folder that somebody stands in on another system
        else:
            made.rename(folder)
            shutil.rmtree(before, ignore_errors=True)
            return
    (folder / SUMMARY).unlink(missing_ok=True)
    (folder / RECORD).unlink(missing_ok=True)
    for name in sorted(file.name for file in made.iterdir() if file.name != SUMMARY):
        (made / name).replace(folder / name)
    (made / SUMMARY).replace(folder / SUMMARY)


def standard_output() -> BinaryIO | None:
    """Standard output; None if it was closed before this process began."""
    return getattr(sys.stdout, "buffer", None)


def is_result(path: Path, folder: Path) -> bool:
    """Whether the results in this folder would take the place of the file."""
    return path.name in _NAMES and path.parent.resolve() == folder.resolve()


def read(folder: Path, name: str, kind: type[Any]) -> list[Any]:
    """The records of one file of a report.

    Raises
    ------
    UsageError
        If the folder holds no such file, it is not whole, or a line of it is damaged.
    """
    read_summary(folder)
    path = folder / f"{name}.ndjson"
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; give a folder that replay wrote") from error
    found = []
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            found.append(msgspec.json.decode(line, type=kind))
        except UNREADABLE as error:
            raise UsageError(f"{path}, line {number}: {error}; run the replay again") from error
    return found


def read_summary(folder: Path) -> dict[str, Any]:
    """The summary of a report.

    Raises
    ------
    UsageError
        If the folder holds none.
    """
    path = folder / SUMMARY
    try:
        found: dict[str, Any] = orjson.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; give a folder that replay wrote") from error
    except orjson.JSONDecodeError as error:
        raise UsageError(f"{path}: {error}; run the replay again") from error
    if not isinstance(found, dict):
        raise UsageError(f"{path}: no summary of a replay; run the replay again")
    return found
