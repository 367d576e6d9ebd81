"""CloudEvents 1.0 around any other format: structured, or a batch of them (a JSON array).

In binary mode the record's value is the inner record itself and the envelope is in headers,
so there is nothing to take off.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Any, ClassVar

import msgspec

from analyzer.core.contracts.lenient_json import clean, read_object
from analyzer.errors import BadRecord
from analyzer.formats.protocol import Inner, Outcome, PassedOver, Paths, UnfitError
from analyzer.formats.records import decoded


class _Envelope(msgspec.Struct):
    specversion: Any = None
    data: msgspec.Raw = msgspec.Raw(b"")
    data_base64: Any = None


_decode = msgspec.json.Decoder(_Envelope).decode


class CloudEvents:
    """The envelope is taken off; what is inside is read as the record it is."""

    name: ClassVar[str] = "cloudevents"
    marks: ClassVar[tuple[bytes, ...]] = (b'"specversion"',)
    paths: ClassVar[Paths] = Paths(account=())
    losses: ClassVar[dict[str, str]] = {}

    def __init__(self, paths: Paths, proxies: int) -> None:
        del paths, proxies

    def read(self, record: bytes) -> Iterable[Outcome]:
        """What the event carries; a value without an envelope is one in binary mode."""
        envelope = decoded(_decode, record)
        if envelope.specversion is None:
            raise UnfitError
        if isinstance(envelope.data_base64, str):
            return [Inner(_from_base64(envelope.data_base64))]
        data = bytes(envelope.data)
        if data in {b"", b"null"}:
            return [PassedOver("control")]
        return [Inner(_unquoted(data))]


def _from_base64(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRecord("wrong_type", f"cloudevents: data_base64: {error}") from error


def _unquoted(data: bytes) -> bytes:
    """JSON that was put into the envelope as a text, also where a byte of it is no UTF-8."""
    if not data.startswith(b'"'):
        return data
    return clean(str(read_object(b'{"data":%b}' % data)["data"])).encode()
