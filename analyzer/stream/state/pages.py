"""A state as pages: cut, compressed, checked, joined.

A page whose bytes did not change since the last snapshot is named again, not written again.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Annotated
from zlib import crc32

import msgspec
import zstandard

from analyzer.errors import StateError

PAGE_BYTES = 256 * 1_024
FORMAT = 2

Crc = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]


class PageRef(msgspec.Struct, frozen=True, array_like=True):
    """Where one page lies and what it must be."""

    key: bytes
    crc: Crc
    """CRC-32 of the stored bytes."""


class Manifest(msgspec.Struct, frozen=True):
    """One complete snapshot of one shard."""

    epoch: int
    """One more than the highest epoch that the owner found when it began."""
    nonce: str
    """Makes the owner unique."""
    number: int
    """Counts the snapshots of one owner, from 1."""
    cover: int
    """Next offset of the source topic that the state has not seen."""
    topic_id: str
    """Id of the source topic; a cover means nothing for another one."""
    pages: list[PageRef]
    config_hash: str = ""
    """Name of the configuration under which it was made."""
    settings: dict[str, str] = {}
    """Digest of each setting that decides what the state means."""
    format: int = FORMAT

    @property
    def key(self) -> bytes:
        """Key of the manifest itself."""
        return f"{self.owner}/{self.number}/manifest".encode()

    @property
    def owner(self) -> str:
        """``epoch-nonce``."""
        return f"{self.epoch}-{self.nonce}"


@dataclass(frozen=True, slots=True)
class Page:
    """One page, ready to be stored."""

    digest: bytes
    stored: bytes

    @property
    def crc(self) -> int:
        """CRC-32 of the stored bytes."""
        return crc32(self.stored)


def cut(
    state: bytes, known: dict[bytes, PageRef], page_bytes: int | None = None
) -> list[Page | PageRef]:
    """The pages of a state; those whose digest is known come as references.

    Examples
    --------
    >>> first, second = cut(b"a" * PAGE_BYTES + b"b", {})
    >>> join([first.stored, second.stored]) == b"a" * PAGE_BYTES + b"b"
    True
    """
    pages: list[Page | PageRef] = []
    page_bytes = page_bytes or PAGE_BYTES
    for start in range(0, max(len(state), 1), page_bytes):
        plain = state[start : start + page_bytes]
        digest = blake2b(plain, digest_size=16).digest()
        ref = known.get(digest)
        pages.append(ref or Page(digest, zstandard.compress(plain, 1)))
    return pages


def join(stored: list[bytes]) -> bytes:
    """The state in these stored pages.

    Raises
    ------
    StateError
        If a page is damaged.
    """
    try:
        return b"".join(zstandard.decompress(page) for page in stored)
    except zstandard.ZstdError as error:
        raise StateError(f"damaged snapshot page: {error}") from error
