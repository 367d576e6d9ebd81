"""Everything that a replay has decided, told or not, kept to be judged again under other bounds.

A record is a file ``record.zst`` among the results: a header that names the settings, and one line
a decision in its order. Only what :mod:`analyzer.core.campaign.telling` weighs can differ; other
settings reach deeper, and are refused by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec
import orjson
import zstandard

from analyzer.core.config import CoreConfig
from analyzer.core.contracts.decode import UNREADABLE
from analyzer.core.contracts.records import Alert, Campaign, Member, Record, encode_record
from analyzer.errors import UsageError
from analyzer.replay.report import RECORD

if TYPE_CHECKING:
    from analyzer.core.campaign.step import CampaignStep  # half a second to load

VERSION = 1
BOUNDS = ("tell_confidence", "tell_organisations")
"""Settings under which a record can be judged again."""
LEVEL = 3
_KINDS: dict[bytes, type[Any]] = {b"a": Alert, b"c": Campaign, b"m": Member}
_MARKS = {kind: mark for mark, kind in _KINDS.items()}


class Decisions:
    """Looks on at a campaign step while a replay runs, to write or keep what it decides."""

    def __init__(self, step: CampaignStep, config: CoreConfig) -> None:
        self._step, self._config = step, config
        self._written: zstandard.ZstdCompressionWriter | None = None
        self._keeps = False
        self.kept: list[Record] = []
        """All decisions, if they are to be kept."""

    def write_to(self, stream: BinaryIO) -> None:
        """Write a record there."""
        self._written = zstandard.ZstdCompressor(LEVEL).stream_writer(stream)
        header = {"version": VERSION, "settings": _digests(self._config)}
        self._written.write(orjson.dumps(header) + b"\n")
        self._step.telling.look_on(self._take)

    def keep(self) -> None:
        """Keep all decisions in memory."""
        self._keeps = True
        self._step.telling.look_on(self._take)

    def _take(self, records: list[Record]) -> None:
        if self._keeps:
            self.kept += records
        if self._written is not None:
            for record in records:
                self._written.write(_MARKS[type(record)] + encode_record(record) + b"\n")

    def close(self) -> None:
        """Finish the file."""
        if self._written is not None:
            self._written.close()  # type: ignore[no-untyped-call] # zstandard has no types


def recorded(folder: Path, config: CoreConfig) -> Iterator[Record]:
    """All decisions of a recorded replay, if this configuration may judge them.

    Raises
    ------
    UsageError
        If there is no record, it is damaged, or a setting differs that reaches deeper.
    """
    path = folder / RECORD
    try:
        data = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}; give the results of a replay with --record"
        ) from error
    except zstandard.ZstdError as error:
        raise UsageError(f"{path}: {error}; run the replay again") from error
    header, _, lines = data.partition(b"\n")
    try:
        found = orjson.loads(header)
        if found["version"] != VERSION:
            raise UsageError(f"{path}: of another version; run the replay again")
        _check(found["settings"], config)
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise UsageError(f"{path}: no record of a replay; run it again with --record") from error
    return _decoded(lines, path)


def check_against(config: CoreConfig, other: CoreConfig) -> None:
    """Refuse to compare configurations that differ in more than the bounds, by name."""
    _check(_digests(config), other)


def _check(settings: dict[str, str], config: CoreConfig) -> None:
    """Refuse a configuration that differs in more than the bounds.

    Raises
    ------
    UsageError
        With the names of the settings that differ.
    """
    wanted = _digests(config)
    other = sorted(k for k in {*settings, *wanted} if settings.get(k) != wanted.get(k))
    if other:
        names = ", ".join(f"core.{name}" for name in other)
        raise UsageError(
            f"{names}: reaches deeper than a record; only "
            f"{' and '.join(f'core.{name}' for name in BOUNDS)} may differ: replay with each, "
            "and compare with `analyzer diff`"
        )


def _digests(config: CoreConfig) -> dict[str, str]:
    values = config.model_dump(mode="json", exclude=set(BOUNDS))
    key = config.hash_key.encode()[:64]
    return {
        name: blake2b(json.dumps(value).encode(), key=key, digest_size=6).hexdigest()
        for name, value in values.items()
    }


def _decoded(lines: bytes, path: Path) -> Iterator[Record]:
    decoders = {mark: msgspec.json.Decoder(kind) for mark, kind in _KINDS.items()}
    for number, line in enumerate(lines.splitlines(), 2):
        try:
            yield decoders[line[:1]].decode(line[1:])
        except (KeyError, *UNREADABLE) as error:
            raise UsageError(f"{path}, line {number}: damaged; run the replay again") from error
