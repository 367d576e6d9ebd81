"""``llm.request.v1`` itself: passed on as it is, for ingest to judge."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from analyzer.formats.protocol import Outcome, Paths, UnfitError


class Native:
    """The contract of this product; its records are never taken apart here."""

    name: ClassVar[str] = "native"
    marks: ClassVar[tuple[bytes, ...]] = (b'"account_id"', b'"event_id"', b'"timestamp_ms"')
    paths: ClassVar[Paths] = Paths(
        account=("account_id",), organisation=("org_id",), address=("client_ip",)
    )
    losses: ClassVar[dict[str, str]] = {}

    def __init__(self, paths: Paths, proxies: int) -> None:
        del paths, proxies

    def read(self, record: bytes) -> Iterable[Outcome]:
        """Nothing is read: whoever asks for native records passes them on."""
        raise UnfitError(record[:32])
