"""Records to columns: text becomes hashes, addresses become blocks, prompt text is dropped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest as digest

from analyzer.core.config import CoreConfig
from analyzer.core.contracts.decode import decode_event
from analyzer.core.contracts.events import NAMED_FIELDS, EventColumns
from analyzer.core.contracts.hashing import (
    CACHE_LIMIT,
    BlockCache,
    HashCache,
    domain_seed,
    pseudonym,
)
from analyzer.core.contracts.request_event import STATUSES, RequestEvent
from analyzer.core.ingest.json_scanner import Scanned, scan
from analyzer.core.ingest.scanner_schema import NAMED, PARAMS
from analyzer.core.ingest.template_chains import Chains
from analyzer.core.kernels.byte_strings import Texts
from analyzer.core.kernels.hash_index import HashIndex, firsts
from analyzer.core.kernels.interned_names import Names
from analyzer.errors import BadRecord

_FIELDS = (
    "timestamp_ms",
    "event_id",
    "account_id",
    "org_id",
    "model",
    "prompt_template_id",
    "client_ip",
    "ip_prefix",
    "asn",
    "tls_ja4",
    "user_agent",
    "payment_ref",
    "prompt_hash",
    "prompt_text",
    "status",
    "output_tokens",
    "account_created_ms",
    "temperature",
    "top_p",
    "max_tokens",
    "n",
    "logprobs",
)
_READERS = {name: attrgetter(name) for name in _FIELDS}
_read_params = attrgetter(*PARAMS)


LONGEST_NAME = 120
"""Characters shown of a template, client or payment; its hash is of all of them."""
_UNSAFE = re.compile("[\x00-\x1f\x80-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""Characters that a terminal or a page would obey rather than show."""
_ACCOUNT, _MODEL = NAMED.index("account_id"), NAMED.index("model")


class ParamsCache(dict[tuple[Any, ...], int]):
    """Sampling parameters taken together → stable hash; 0 if none is given."""

    def __init__(self, key: str) -> None:
        super().__init__({(None,) * 5: 0})
        self._hashes = HashCache(key, "params")

    def __missing__(self, params: tuple[Any, ...]) -> int:
        if len(self) > 100_000:
            self.clear()
            self[(None,) * 5] = 0
        self[params] = value = self._hashes[repr(params)]
        return value


class Told:
    """What the exact decoder makes of a text that comes again and again, by the text's hash.

    Parameters
    ----------
    tell
        Value of an event; may raise ``BadRecord``.
    """

    UNTOLD = np.uint64(2**64 - 1)
    """No value: the record that had the text is bad."""

    def __init__(self, tell: Callable[[RequestEvent], int]) -> None:
        self._tell = tell
        self._index, self._values = HashIndex(np.zeros(1, np.uint64)), np.zeros(1, np.uint64)

    def values(self, hashes: NDArray[np.uint64], records: Sequence[bytes]) -> NDArray[np.uint64]:
        """Value of each text, given a record for each; 0 for the hash 0."""
        if len(self._index) > CACHE_LIMIT:
            self._index, self._values = HashIndex(np.zeros(1, np.uint64)), np.zeros(1, np.uint64)
        before = len(self._index)
        numbers = self._index.intern(hashes)
        told: list[int] = []
        for row in np.flatnonzero(numbers >= before).tolist():
            if numbers[row] == before + len(told):
                told.append(self._told(records[row]))
        if told:
            self._values = np.concatenate([self._values, np.array(told, np.uint64)])
        return self._values[numbers]

    def _told(self, record: bytes) -> int:
        try:
            return self._tell(decode_event(record, len(record)))
        except BadRecord:
            return int(self.UNTOLD)


class Columnizer:
    """Turns records into :class:`EventColumns`; holds caches, never state."""

    def __init__(self, config: CoreConfig) -> None:
        self._max_bytes = config.max_record_bytes
        self._key = config.hash_key
        self._pseudonymise = config.pseudonymise
        self._tables = config.family_tables
        self.blocks = BlockCache()
        self._hashes = {name: HashCache(config.hash_key, name) for name in NAMED_FIELDS}
        self._seeds = {name: domain_seed(config.hash_key, name) for name in ("event", "prompt")}
        self._params = ParamsCache(config.hash_key)
        self._chains = Chains(config.hash_key)
        domains = ("event", "prompt", "org", "account", *NAMED_FIELDS[2:])
        self._scan_seeds = np.array(
            [domain_seed(config.hash_key, name) for name in domains], np.uint64
        )
        self._told_blocks = Told(lambda event: self.blocks[event.client_ip or event.ip_prefix])
        self._told_params = Told(lambda event: self._params[_read_params(event)])

    def look(self, values: Texts) -> Scanned:
        """Read records in one call of compiled code, which any thread may do beside others."""
        return scan(values, self._max_bytes, self._scan_seeds)

    def scan(
        self, values: Texts, offsets: NDArray[np.int64], found: Scanned | None = None
    ) -> tuple[EventColumns, NDArray[np.bool_]]:
        """Columns of the plain ones of these records, and which those are.

        The others are for the decoder and :meth:`columns`, which say the same of a plain one.

        Parameters
        ----------
        found
            What :meth:`look` said of the same values, if it was asked before.
        """
        found = found or self.look(values)
        block = found.block | self._told_blocks.values(found.address, values)
        params = self._told_params.values(found.params, values)
        plain = found.plain & (block != Told.UNTOLD) & (params != Told.UNTOLD)
        rows = slice(None) if plain.all() else plain
        event, prompt, own, account, template, tls, agent, payment, model = found.hashes[:, rows]
        ts_ms, output_tokens, created_ms, asn, status = found.numbers[:, rows]
        columns = EventColumns(
            offset=offsets[rows],
            ts_ms=ts_ms,
            event=event,
            account=account,
            org=np.where(own == 0, account, own),
            template=template,
            block=block[rows],
            asn=np.maximum(asn, 0).astype(np.uint64),
            tls=tls,
            agent=agent,
            payment=payment,
            model=model,
            params=params[rows],
            prompt=prompt,
            failure=status.astype(np.uint64),
            output_tokens=output_tokens,
            created_ms=created_ms,
            chains=np.zeros((len(ts_ms), 0), np.uint64),
            names=self._scanned_names(values.buffer, found, rows),
        )
        return columns, plain

    def _scanned_names(self, text: bytes, found: Scanned, rows: slice | NDArray[np.bool_]) -> Names:
        hashes = found.hashes[-len(NAMED) :, rows].ravel()
        index = HashIndex(np.zeros(1, np.uint64))
        numbers = index.intern(hashes)
        first = firsts(numbers, 1, len(index))
        starts, stops = found.spans[:, rows].reshape(-1, 2)[first].T
        names = Names.cut(hashes[first], np.frombuffer(text, np.uint8), starts, stops)
        field = first // max(1, len(hashes) // len(NAMED))
        odd = (names.lengths > LONGEST_NAME) & (field != _ACCOUNT)
        if self._pseudonymise:
            odd |= field != _MODEL
        if not odd.any():
            return names
        texts = names.as_dict()
        for row in np.flatnonzero(odd).tolist():
            key = int(names.key[row])
            texts[key] = self._shown(NAMED[field[row]], texts[key])
        return Names.of(texts)

    def _shown(self, field: str, text: str) -> str:
        """What people see of a name: a pseudonym if they must not see it, no more than fits."""
        if self._pseudonymise and field != NAMED[_MODEL]:
            return pseudonym(text, self._key)
        if field == NAMED[_ACCOUNT]:
            return text
        if len(text) <= LONGEST_NAME and text.isascii() and text.isprintable():
            return text
        if len(text) > LONGEST_NAME:
            text = f"{text[: LONGEST_NAME - 9]}…{pseudonym(text, self._key)[:8]}"
        return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)

    def columns(self, events: Sequence[RequestEvent], offsets: Sequence[int]) -> EventColumns:
        """Columns of these events, in their order."""
        col = {name: list(map(read, events)) for name, read in _READERS.items()}
        account = self._hash("account", col["account_id"])
        own = self._hash("org", col["org_id"])
        prompt = self._hash_once("prompt", col["prompt_hash"])
        chains = np.zeros((len(events), 0), np.uint64)
        texts = col["prompt_text"]
        if any(texts):
            prompt = np.where(prompt == 0, self._hash_once("prompt", texts), prompt)
            untold = [
                text if template is None else None
                for text, template in zip(texts, col["prompt_template_id"], strict=True)
            ]
            chains = self._chains.of(untold)
        params = zip(*(col[name] for name in PARAMS), strict=True)
        return EventColumns(
            offset=np.array(offsets, np.int64),
            ts_ms=np.array(col["timestamp_ms"], np.int64),
            event=self._hash_once("event", col["event_id"]),
            account=account,
            org=np.where(own == 0, account, own),
            template=self._hash("template", col["prompt_template_id"]),
            block=_u64(
                self.blocks[ip or prefix]
                for ip, prefix in zip(col["client_ip"], col["ip_prefix"], strict=True)
            ),
            asn=_u64(asn or 0 for asn in col["asn"]),
            tls=self._hash("tls", col["tls_ja4"]),
            agent=self._hash("agent", col["user_agent"]),
            payment=self._hash("payment", col["payment_ref"]),
            model=self._hash("model", col["model"]),
            params=_u64(map(self._params.__getitem__, params)),
            prompt=prompt,
            failure=_u64(map(STATUSES.index, col["status"])),
            output_tokens=np.array(col["output_tokens"], np.int64),
            created_ms=np.array(
                [-1 if ms is None else ms for ms in col["account_created_ms"]], np.int64
            ),
            chains=chains,
            names=self._names(col),
        )

    def split(self, columns: EventColumns, shards: int) -> list[EventColumns]:
        """The same rows by account shard.

        An organisation belongs to one of the virtual family tables for good, and a shard owns
        whole tables: so what a table learns does not depend on the number of shards.
        """
        if shards == 1:
            return [columns]
        shard = family_table(columns.org, self._tables) % np.uint64(shards)
        order = np.argsort(shard.astype(np.uint16), kind="stable")
        stops = np.cumsum(np.bincount(shard.astype(np.int64), minlength=shards)).tolist()
        ordered = columns.take(order)
        texts = HashIndex(columns.names.key)
        named = [texts.find(getattr(ordered, name)) for name in NAMED_FIELDS]
        return [
            _with_names(ordered, named, slice(start, stop))
            for start, stop in zip([0, *stops], stops, strict=False)
        ]

    def _hash(self, name: str, texts: Sequence[str | None]) -> NDArray[np.uint64]:
        return np.array(list(map(self._hashes[name].__getitem__, texts)), np.uint64)

    def _hash_once(self, name: str, texts: Sequence[str | None]) -> NDArray[np.uint64]:
        """As ``_hash``, for texts that hardly ever come again: nothing is remembered."""
        seed = self._seeds[name]
        return np.array(
            [0 if t is None else digest(t.encode(), seed) or 1 for t in texts], np.uint64
        )

    def _names(self, col: dict[str, list[Any]]) -> Names:
        names: dict[int, str] = {}
        for name, field in zip(NAMED_FIELDS[:1] + NAMED_FIELDS[2:], NAMED, strict=True):
            hashes = self._hashes[name]
            texts = set(col[field]) - {None}
            names.update((hashes[text], self._shown(field, text)) for text in texts)
        return Names.of(names)


def family_table(orgs: NDArray[np.uint64], tables: int) -> NDArray[np.uint64]:
    """Which virtual family table each organisation belongs to."""
    return orgs % np.uint64(tables)


def _with_names(columns: EventColumns, named: list[NDArray[np.int32]], rows: slice) -> EventColumns:
    """These rows with only the names that occur in them, of which each row has the numbers."""
    used = np.zeros(len(columns.names) + 1, np.bool_)  # the last place is for -1: no name
    for numbers in named:
        used[numbers[rows]] = True
    names = columns.names.take(np.flatnonzero(used[:-1]))
    return replace(columns.take(rows), names=names)


def _u64(values: Iterable[int]) -> NDArray[np.uint64]:
    return np.array(list(values), np.uint64)
