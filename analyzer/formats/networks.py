"""What kind of network an address block is in, from files that the user supplies.

Two kinds of files: MMDB (``.mmdb``: an ASN database, or one of anonymous networks), read by
``maxminddb``, and lists of lines ``CIDR,CLASS,ASN`` with the last or the last two left out. They
are looked at again when they change. Without files nothing is known, and everything works.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analyzer.errors import UsageError
from analyzer.formats.values import whole

CLASSES = ("hosting", "vpn", "residential", "mobile", "education", "business")
_FLAGS = (
    ("is_anonymous_vpn", "vpn"),
    ("is_tor_exit_node", "vpn"),
    ("is_public_proxy", "vpn"),
    ("is_residential_proxy", "residential"),
    ("is_hosting_provider", "hosting"),
)
_TYPES = {
    "hosting": "hosting", "residential": "residential", "cellular": "mobile", "mobile": "mobile",
    "business": "business", "college": "education", "school": "education", "isp": "residential",
    "isp/mob": "mobile", "mob": "mobile", "dch": "hosting", "vpn": "vpn",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Network:
    """What is known of a block; None is "not known"."""

    asn: int | None = None
    kind: str | None = None
    """One of :data:`CLASSES`."""


Lookup = Callable[[str], Network]


class Networks:
    """All files together; the first that knows something of a block is believed.

    Parameters
    ----------
    files
        Paths of MMDB files and lists.

    Raises
    ------
    UsageError
        If a file can't be read; the message says which line.

    Examples
    --------
    >>> Networks(()).of("192.0.2.0/24"), Networks(()).date
    (Network(asn=None, kind=None), '')
    """

    def __init__(self, files: Sequence[Path] = ()) -> None:
        self._files = tuple(files)
        self._stamps: tuple[int, ...] = ()
        self._lookups: list[Lookup] = []
        self.date = ""
        """Day of the newest file, as in 2026-03-02; empty without files."""
        self.refresh()

    def refresh(self) -> bool:
        """Read the files anew if one has changed; whether it has."""
        try:
            stamps = tuple(path.stat().st_mtime_ns for path in self._files)
        except OSError as error:
            raise UsageError(f"networks: {error.filename}: {error.strerror}") from error
        if stamps == self._stamps:
            return False
        self._lookups = [_opened(path) for path in self._files]
        self._stamps = stamps
        newest = dt.datetime.fromtimestamp(max(stamps) / 1e9, dt.UTC)
        self.date = newest.date().isoformat()
        return True

    def of(self, block: str) -> Network:
        """What is known of the network in which a block or an address lies."""
        asn, kind = None, None
        for lookup in self._lookups:
            found = lookup(block.partition("/")[0])
            asn = found.asn if asn is None else asn
            kind = found.kind if kind is None else kind
        return Network(asn, kind)


def _opened(path: Path) -> Lookup:
    return _database(path) if path.suffix == ".mmdb" else _list(path)


def _database(path: Path) -> Lookup:
    try:
        import maxminddb  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise UsageError(
            f"networks: {path} needs maxminddb: pip install 'usage-analyzer[networks]'"
        ) from error
    try:
        reader = maxminddb.open_database(str(path))
    except (OSError, maxminddb.InvalidDatabaseError) as error:
        raise UsageError(f"networks: {path}: no MMDB: {error}") from error

    def look(address: str) -> Network:
        try:
            return _from_record(reader.get(address))
        except ValueError:  # an IPv6 address in a database of IPv4
            return Network()

    return look


def _from_record(record: Any) -> Network:
    if not isinstance(record, dict):
        return Network()
    traits = record.get("traits")
    found = {**record, **traits} if isinstance(traits, dict) else record
    written = str(found.get("autonomous_system_number", found.get("asn")))
    asn = written.upper().removeprefix("AS")
    kind = next((kind for flag, kind in _FLAGS if found.get(flag)), None)
    kind = kind or _TYPES.get(str(found.get("user_type") or found.get("usage_type") or "").lower())
    return Network(whole(asn), kind)


def _list(path: Path) -> Lookup:
    tables: dict[tuple[int, int], dict[int, Network]] = {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"networks: {path}: {error}") from error
    for number, line in enumerate(lines, 1):
        if written := line.partition("#")[0].strip():
            try:
                network, known = _entry(written)
            except ValueError as error:
                raise UsageError(f"networks: {path}, line {number}: {error}") from error
            table = tables.setdefault((network.version, network.prefixlen), {})
            table[int(network.network_address)] = known
    longest_first = sorted(tables.items(), key=lambda item: -item[0][1])

    def look(address: str) -> Network:
        parsed = ipaddress.ip_address(address)
        for (version, bits), table in longest_first:
            if version == parsed.version:
                kept = parsed.max_prefixlen - bits
                if found := table.get(int(parsed) >> kept << kept):
                    return found
        return Network()

    return look


def _entry(written: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, Network]:
    cidr, _, rest = written.partition(",")
    kind, _, asn = (part.strip() for part in rest.partition(","))
    if kind.upper().startswith("AS") and kind[2:].isdigit():
        kind, asn = "", kind
    if kind and kind not in CLASSES:
        raise ValueError(f"{kind!r} is no class; write one of {', '.join(CLASSES)}")
    number = asn.upper().removeprefix("AS")
    if number and not number.isdigit():
        raise ValueError(f"{asn!r} is no AS number; write AS64500")
    network = ipaddress.ip_network(cidr.strip(), strict=False)
    return network, Network(int(number) if number else None, kind or None)
