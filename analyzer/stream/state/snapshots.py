"""Snapshots of one shard in one partition of a compacted topic, without transactions.

Every key is written once, by one owner::

    7-9f2c/3/0          page 0, first written with snapshot 3 of owner 7-9f2c
    7-9f2c/3/manifest   epoch, number, cover, and key and CRC of every page

Order of a save: pages, all awaited; manifest, awaited; then the caller commits its offset
with its consumer generation; only if the broker accepts that, tombstones for all keys that
the new manifest does not name. An owner whose commit is refused is a zombie: whatever it
wrote lies under its own keys and harms nobody.

A restore takes the complete manifest with the highest cover; neither "last written" nor
"highest epoch" would be right when a zombie still writes. If its state can't be read, the next
one is tried. What is no snapshot of ours lies there until the next accepted commit removes it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable
from typing import Protocol
from zlib import crc32

import msgspec
import structlog

from analyzer.core.contracts.blocks import UNSTAMPED
from analyzer.core.contracts.decode import UNREADABLE
from analyzer.core.contracts.stamp import Stamp
from analyzer.errors import OtherSettingsError, StateError
from analyzer.stream.state.pages import FORMAT, Manifest, Page, PageRef, cut, join

log = structlog.get_logger("analyzer.stream")

READ_AGAIN = 3
READ_AGAIN_AFTER_S = 0.5

Entry = tuple[bytes, bytes | None]
"""Key and value; None is a tombstone."""


class Log(Protocol):
    """One partition of a compacted topic. Both methods wait for the broker and may raise."""

    async def read(self) -> list[Entry]:
        """All entries up to the end that the log has now, in their order."""

    async def write(self, entries: list[Entry]) -> None:
        """Append entries; returns when the broker has all of them.

        A failure may leave any part of them written: the caller must not write again.
        """


class SnapshotStore:
    """The snapshots of one shard, in the hands of one owner."""

    def __init__(
        self,
        log: Log,
        *,
        topic_id: str,
        nonce: str | None = None,
        stamp: Stamp = UNSTAMPED,
        page_bytes: int | None = None,
    ) -> None:
        self._page_bytes = page_bytes
        self._log = log
        self._stamp = stamp
        self._topic_id = topic_id
        self._nonce = nonce or secrets.token_hex(4)
        self._epoch = 0
        self._number = 0
        self._known: set[bytes] = set()
        self._refs: dict[bytes, PageRef] = {}

    async def load(self, restore: Callable[[bytes], None]) -> Manifest | None:
        """Take over the partition and put the best snapshot back that can be read.

        Parameters
        ----------
        restore
            Is given states, the best first, until it takes one without a StateError.

        Returns
        -------
        Manifest or None
            Of what was taken; None if the partition has never had a snapshot.

        Raises
        ------
        StateError
            If there are snapshots, but none is complete and readable.
        OtherSettingsError
            If the best was made under settings that give it another meaning.
        """
        for attempt in range(READ_AGAIN):
            await asyncio.sleep(READ_AGAIN_AFTER_S * min(attempt, 1))
            live = _live(await self._log.read())
            self._known = set(live)
            found = [value for key, value in live.items() if key.endswith(b"/manifest")]
            if not found:
                return None
            manifests = _readable(found)
            self._epoch = 1 + max((m.epoch for m in manifests), default=0)
            complete = [m for m in manifests if _is_complete(m, live)]
            for manifest in sorted(complete, key=self._rank, reverse=True):
                self._admit(manifest)
                if _put_back(manifest, live, restore):
                    return manifest
            if complete:
                break
        raise StateError(
            "there are snapshots, but each is of another version, or lacks pages, or is damaged"
        )

    async def save(self, state: bytes, cover: int) -> Manifest:
        """Write a state; it counts once the caller's offset commit was accepted.

        Raises
        ------
        Exception
            Whatever the log raises. The store must not be used any more then.
        """
        self._number += 1
        pages = cut(state, self._refs, self._page_bytes)
        refs, entries, digests = self._place(pages)
        await self._log.write(entries)
        manifest = Manifest(
            self._epoch,
            self._nonce,
            self._number,
            cover,
            self._topic_id,
            refs,
            self._stamp.config_hash,
            dict(self._stamp.state),
        )
        await self._log.write([(manifest.key, msgspec.msgpack.encode(manifest))])
        self._known.update(key for key, _ in entries)
        self._known.add(manifest.key)
        self._refs = digests
        return manifest

    async def retire(self, manifest: Manifest) -> None:
        """Delete whatever ``manifest`` does not need; only after its commit was accepted."""
        needed = {ref.key for ref in manifest.pages} | {manifest.key}
        doomed = sorted(self._known - needed)
        await self._log.write([(key, None) for key in doomed])
        self._known = needed

    def _admit(self, manifest: Manifest) -> None:
        if not manifest.settings:
            return  # no worker of ours wrote it; its state will tell
        if differing := self._stamp.differing(manifest.settings):
            raise OtherSettingsError(
                f"saved with other settings ({', '.join(differing)}; config_hash "
                f"{manifest.config_hash}, here {self._stamp.config_hash})"
            )
        if manifest.config_hash != self._stamp.config_hash:
            log.info(
                "state of another configuration is taken over; the new settings hold from here on",
                config_hash=self._stamp.config_hash,
                before=manifest.config_hash,
            )

    def _rank(self, manifest: Manifest) -> tuple[bool, int, int, int]:
        here = manifest.topic_id == self._topic_id
        return here, manifest.cover, manifest.epoch, manifest.number

    def _place(
        self, pages: list[Page | PageRef]
    ) -> tuple[list[PageRef], list[Entry], dict[bytes, PageRef]]:
        refs: list[PageRef] = []
        entries: list[Entry] = []
        digests: dict[bytes, PageRef] = {}
        back = {ref: digest for digest, ref in self._refs.items()}
        for i, page in enumerate(pages):
            if isinstance(page, PageRef):
                refs.append(page)
                digests[back[page]] = page
                continue
            key = f"{self._epoch}-{self._nonce}/{self._number}/{i}".encode()
            ref = digests.get(page.digest) or PageRef(key, page.crc)
            if ref.key == key:
                entries.append((key, page.stored))
            refs.append(ref)
            digests[page.digest] = ref
        return refs, entries, digests


def _live(entries: Iterable[Entry]) -> dict[bytes, bytes]:
    live: dict[bytes, bytes] = {}
    for key, value in entries:
        if value is None:
            live.pop(key, None)
        else:
            live[key] = value
    return live


def _readable(found: list[bytes]) -> list[Manifest]:
    readable = []
    for value in found:
        try:
            manifest = msgspec.msgpack.decode(value, type=Manifest)
        except UNREADABLE:
            continue
        if manifest.format == FORMAT:
            readable.append(manifest)
    return readable


def _is_complete(manifest: Manifest, live: dict[bytes, bytes]) -> bool:
    return all(ref.key in live and crc32(live[ref.key]) == ref.crc for ref in manifest.pages)


def _put_back(
    manifest: Manifest, live: dict[bytes, bytes], restore: Callable[[bytes], None]
) -> bool:
    try:
        restore(join([live[ref.key] for ref in manifest.pages]))
    except StateError as error:
        log.error("a snapshot can't be read", key=manifest.key.decode(), reason=str(error))  # noqa: TRY400 - the sentence says it all
        return False
    return True
