"""Everything the cohort step remembers: who uses what, and how much, in each window.

Fed pane by pane in one canonical order, so that every shard holds the same numbers.
Organisations, accounts, objects and (organisation, object) pairs are dense rows; sliding
sums run over the rows.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzer.core.cohort.earlier_users import EarlierUsers
from analyzer.core.cohort.history import History
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.blocks import from_plain, to_plain
from analyzer.core.contracts.event_time import DAY_S
from analyzer.core.contracts.hashing import block_name
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.contracts.pane_columns import PaneColumns
from analyzer.core.kernels.bloom import PromptMemory
from analyzer.core.kernels.dense_table import DenseTable
from analyzer.core.kernels.group_by import by_hash
from analyzer.core.kernels.hash_index import HashIndex, firsts
from analyzer.core.kernels.hash_sampling import Admission
from analyzer.core.kernels.interned_names import NameBook, Names
from analyzer.core.kernels.sliding_sum import SlidingSum, SlidingSums

U64 = NDArray[np.uint64]
U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

PAIR_RETENTION_S = 7 * DAY_S
NEVER = np.int64(-1)

REQUESTS, LOG_OUTPUT, OUTPUT_TOKENS, PROMPTED, REPEATED = range(5)
"""Columns of the sliding sums per organisation."""


def object_key(kind: U8 | I64, hashes: U64) -> U64:
    """One key for (kind, hash): objects of different kinds never meet.

    Blocks, ASNs and statuses are numbers of which neighbours differ in the last bit alone.
    """
    mixed = kind.astype(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F)
    return np.asarray(hashes ^ mixed)


class Population:
    """Tables and windows of all organisations, accounts, objects and pairs."""

    def __init__(self, config: CoreConfig) -> None:
        self._config = config
        self.history = History(config)
        self.orgs = DenseTable(
            {
                "first_pane": NEVER,
                "last_pane": NEVER,
                "created_ms": NEVER,
                "output_tokens": np.int64(0),
            }
        )
        self.accounts = DenseTable(
            {
                "org": np.int32(-1),
                "first_ms": NEVER,
                "last_ms": NEVER,
                "last_pane": NEVER,
                "requests": np.int64(0),
            }
        )
        self.objects = DenseTable(
            {
                "kind": np.int64(0),
                "hash": np.uint64(0),
                "first_pane": NEVER,
                "last_pane": NEVER,
                "hit_pane": NEVER,
            }
        )
        self.pairs = DenseTable(
            {
                "org": np.int32(-1),
                "object": np.int32(-1),
                "first_pane": NEVER,
                "last_pane": NEVER,
            }
        )
        spans = [(w.length_s // config.pane_s, w.hop_s // config.pane_s) for w in config.windows]
        self.org_sums = SlidingSums(spans, width=5)
        self.pair_sums = SlidingSums(spans)
        self.prompt_sums = SlidingSums(spans, width=2)
        self.template_sums = SlidingSums(spans, width=2)
        """Requests on each object that is a template, and their log output."""
        self.prompts = PromptMemory()
        self.newcomers, self.novelties = Admission(), Admission()
        self.refused: Counter[str] = Counter()
        """New accounts and pairs that were not counted for want of room, pane by pane."""
        self._names = NameBook()
        self._earlier: dict[int, EarlierUsers] = {}
        """By how long ago it was that "earlier" ended; the pairs have been as they are since."""

    def ingest(self, pane: int, rows: PaneColumns) -> None:
        """Count one pane, given as the joined tables of all account shards."""
        self.history.extend(pane, int(rows.org_requests.sum()))
        rows = self._admit(rows)
        self._names.add_within(rows.names, self._config.max_name_bytes, rows.account)
        order = by_hash(rows.org)
        orgs = self._meet_orgs(pane, rows, order)
        self._count_accounts(pane, rows)
        self._count_pairs(pane, rows)
        prompted = self._count_prompts(pane, rows)[orgs]
        self._count_orgs(pane, rows, order, orgs, prompted)
        self._count_templates(pane, rows)
        self._forget(pane)

    @property
    def first_pane(self) -> int:
        """Where the history at hand begins; -1 before there is any."""
        return self.history.first_pane

    def advance(self, pane: int) -> None:
        """Time has come to the start of this pane."""
        for sums in (self.org_sums, self.pair_sums, self.prompt_sums, self.template_sums):
            sums.advance(pane)

    def remember_hits(self, objects: I32, pane: int) -> None:
        """These objects' users were suspicious as a whole at the end of a window."""
        self.objects["hit_pane"][objects] = pane

    def users_before(self, ago_s: int, border: int) -> I32:
        """Shape (objects,): organisations on each in the pairs before ``border``.

        ``ago_s`` names a border that only moves on.
        """
        earlier = self._earlier.setdefault(ago_s, EarlierUsers())
        return earlier.among(self.pairs["object"][:border], len(self.objects))

    @property
    def empty(self) -> bool:
        """True if no window holds anything."""
        return all(sums.empty for sums in self.org_sums)

    def names_of(self, keys: U64) -> Names:
        """Texts of accounts or objects, by their hashes."""
        return self._names.of(keys)

    def object_texts(self, rows: I32 | I64) -> list[str]:
        """What people call each object; blocks, ASNs and families of text by their numbers."""
        kinds, hashes = self.objects["kind"][rows], self.objects["hash"][rows]
        texts = self._names.texts(hashes)
        for i in np.flatnonzero(kinds == Kind.BLOCK).tolist():
            texts[i] = block_name(int(hashes[i]))
        for i in np.flatnonzero(kinds == Kind.ASN).tolist():
            texts[i] = str(int(hashes[i]))
        for i in np.flatnonzero(kinds == Kind.TEMPLATE).tolist():
            texts[i] = texts[i] or f"family-{int(hashes[i]):016x}"
        return [text or f"unnamed-{int(hashes[i]):016x}" for i, text in enumerate(texts)]

    def accounts_named(self, name: str) -> I32:
        """Rows of the accounts of that name."""
        rows = self.accounts.find(self._names.keys_of(name))
        return rows[rows >= 0]

    def object_row(self, kind: int, hash_: int) -> int:
        """Row of an object in the object table, -1 if it is not known."""
        key = object_key(np.array([kind]), np.array([hash_], np.uint64))
        return int(self.objects.find(key)[0])

    def object_name(self, kind: int, hash_: int) -> str:
        """What people call an object; "" if it is not known."""
        row = self.object_row(kind, hash_)
        return self.object_texts(np.array([row]))[0] if row >= 0 else ""

    def _admit(self, rows: PaneColumns) -> PaneColumns:
        """The rows that there is room for; see :mod:`analyzer.core.kernels.hash_sampling`."""
        all_rows = rows
        room = self._config.max_accounts - len(self.accounts)
        if self.newcomers.asked(len(rows.account), room):
            known = self.accounts.find(rows.account) >= 0
            taken = self.newcomers.take(rows.account_org, known, room)
            self.refused["accounts"] += int((~taken).sum())
            orgs = HashIndex(rows.account_org[taken])
            tables = (rows.org, rows.account_org, rows.pair_org, rows.prompt_org)
            org, account, pair, prompt = (orgs.find(column) >= 0 for column in tables)
            rows = rows.where(org, account & taken, pair, prompt)
        room = self._config.max_pairs - len(self.pairs)
        if self.novelties.asked(len(rows.pair_org), room):
            keys = object_key(rows.pair_kind, rows.pair_object)
            pairs = _pair_key(self.orgs.find(rows.pair_org), self.objects.find(keys))
            taken = self.novelties.take(keys, self.pairs.find(pairs) >= 0, room)
            self.refused["pairs"] += int((~taken).sum())
            rows = rows.where(pair=taken)
        if rows is not all_rows:
            kept = np.concatenate([rows.account, rows.pair_object])
            rows = replace(rows, names=rows.names.among(kept))
        return rows

    def _meet_orgs(self, pane: int, rows: PaneColumns, order: NDArray[np.intp]) -> I32:
        """The number of each organisation, in this order."""
        before = len(self.orgs)
        orgs = self.orgs.intern(rows.org[order])
        _touch(self.orgs, orgs, pane, before)
        created, known = rows.org_created_ms[order], self.orgs["created_ms"][orgs]
        known = np.where((known < 0) | ((created >= 0) & (created < known)), created, known)
        self.orgs["created_ms"][orgs] = known
        return orgs

    def _count_orgs(
        self, pane: int, rows: PaneColumns, order: NDArray[np.intp], orgs: I32, prompted: I64
    ) -> None:
        own = np.stack([rows.org_requests, rows.org_log_output, rows.org_output_tokens], axis=1)
        values = np.concatenate([own[order], prompted], axis=1)
        self.orgs["output_tokens"][orgs] += rows.org_output_tokens[order]
        self.org_sums.add(pane, orgs, values)

    def _count_accounts(self, pane: int, rows: PaneColumns) -> None:
        order = by_hash(rows.account)
        accounts = self.accounts.intern(rows.account[order])
        self.accounts["last_pane"][accounts] = pane
        first = self.accounts["first_ms"][accounts]
        self.accounts["first_ms"][accounts] = np.where(
            first < 0, rows.account_first_ms[order], first
        )
        self.accounts["last_ms"][accounts] = rows.account_last_ms[order]
        self.accounts["org"][accounts] = self.orgs.find(rows.account_org[order])
        self.accounts["requests"][accounts] += rows.account_requests[order]

    def _count_pairs(self, pane: int, rows: PaneColumns) -> None:
        # An organisation comes from one shard, which has ordered its pairs by kind and object.
        order = by_hash(rows.pair_org)
        kinds, hashes = rows.pair_kind[order], rows.pair_object[order]
        before = len(self.objects)
        objects = self.objects.intern(object_key(kinds, hashes))
        new = firsts(objects, before, len(self.objects))
        self.objects["kind"][before:] = kinds[new]
        self.objects["hash"][before:] = hashes[new]
        _touch(self.objects, objects, pane, before)
        orgs, before = self.orgs.find(rows.pair_org[order]), len(self.pairs)
        pairs = self.pairs.intern(_pair_key(orgs, objects))
        new = firsts(pairs, before, len(self.pairs))
        self.pairs["org"][before:], self.pairs["object"][before:] = orgs[new], objects[new]
        _touch(self.pairs, pairs, pane, before)
        self.pair_sums.add(pane, pairs, rows.pair_requests[order, None].astype(np.int64))

    def _count_prompts(self, pane: int, rows: PaneColumns) -> I64:
        """Requests with a prompt's hash of each organisation, and how many came before."""
        if not len(rows.prompt):
            return np.zeros((len(self.orgs), 2), np.int64)
        by_org = by_hash(rows.prompt_org)  # and by template and prompt, as above
        order = by_org[by_hash(rows.prompt[by_org])]
        repeats = self.prompts.repeats(rows.prompt[order], rows.prompt_requests[order])
        values = np.stack([rows.prompt_requests[order], repeats], axis=1)
        orgs = self.orgs.find(rows.prompt_org[order])
        template = rows.prompt_template[order]
        kind = np.full(len(order), int(Kind.TEMPLATE))
        objects = self.objects.find(object_key(kind, template))
        pairs = self.pairs.find(_pair_key(orgs, objects))
        on_template = (template != 0) & (pairs >= 0)
        self.prompt_sums.add(pane, pairs[on_template], values[on_template])
        per_org = [np.bincount(orgs, column, len(self.orgs)) for column in values.T]
        return np.stack(per_org, axis=1).astype(np.int64)

    def _count_templates(self, pane: int, rows: PaneColumns) -> None:
        order = by_hash(rows.template)
        kind = np.full(len(order), int(Kind.TEMPLATE))
        objects = self.objects.find(object_key(kind, rows.template[order]))
        known = objects >= 0
        values = np.stack([rows.template_requests, rows.template_log_output], axis=1)[order]
        self.template_sums.add(pane, objects[known], values[known])

    def _forget(self, pane: int) -> None:
        """Once a day, drop what has not been used for longer than its retention.

        What fills more than half of its room is kept no longer than the longest window.
        """
        config, longest_s = self._config, self._config.windows[-1].length_s
        day = DAY_S // config.pane_s or 1
        if pane % day:
            return
        full = 2 * len(self.pairs) > config.max_pairs
        keep_s = longest_s if full else max(PAIR_RETENTION_S, longest_s)
        self._drop_pairs(self.pairs["last_pane"] >= pane - keep_s // config.pane_s)
        crowded = 2 * len(self.accounts) > config.max_accounts
        keep_s = longest_s if full or crowded else config.retention_s
        old = pane - keep_s // config.pane_s
        self._drop_objects(self.objects["last_pane"] >= old)
        self._drop_orgs(self.orgs["last_pane"] >= old)
        named = np.concatenate([self.accounts["key"], self.objects["hash"]])
        self._names = NameBook(self._names.of(named))
        self.newcomers.relax()
        self.novelties.relax()
        self._earlier = {}

    def _drop_pairs(self, alive: NDArray[np.bool_]) -> None:
        if alive.all():
            return
        renumbered = self.pairs.keep(alive)
        for sums in (*self.pair_sums, *self.prompt_sums):
            sums.renumber(renumbered)

    def _drop_objects(self, alive: NDArray[np.bool_]) -> None:
        if alive.all():
            return
        renumbered = self.objects.keep(alive)
        for sums in self.template_sums:
            sums.renumber(renumbered)
        self.pairs["object"][:] = renumbered[self.pairs["object"]]
        self._restore_pairs(self.pairs.state())

    def _drop_orgs(self, alive: NDArray[np.bool_]) -> None:
        if alive.all():
            return
        renumbered = self.orgs.keep(alive)
        for sums in self.org_sums:
            sums.renumber(renumbered)
        self.pairs["org"][:] = renumbered[self.pairs["org"]]
        self._restore_pairs(self.pairs.state())
        self.accounts["org"][:] = renumbered[self.accounts["org"]]
        self.accounts.keep(self.accounts["org"] >= 0)

    def _restore_pairs(self, state: dict[str, NDArray[Any]]) -> None:
        """Put pairs back, each with the key that its organisation and object make."""
        self.pairs.restore({**state, "key": _pair_key(state["org"], state["object"])})

    def state(self) -> dict[str, Any]:
        """All of it, as plain data and arrays."""
        pairs = {name: column for name, column in self.pairs.state().items() if name != "key"}
        return {
            "history": self.history.state(),
            "tables": [table.state() for table in self._tables()],
            "pairs": pairs,
            "sums": [sums.state() for sums in self._sums()],
            "prompts": self.prompts.state(),
            "halvings": [self.newcomers.halvings, self.novelties.halvings],
            "names": to_plain(self._names.all()),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` gave."""
        self.history.restore(state["history"])
        for table, saved in zip(self._tables(), state["tables"], strict=True):
            table.restore(saved)
        self._restore_pairs(state["pairs"])
        for sums, saved in zip(self._sums(), state["sums"], strict=True):
            sums.restore(saved)
        self.prompts.restore(state["prompts"])
        self.newcomers.halvings, self.novelties.halvings = state["halvings"]
        self._names = NameBook(from_plain(state["names"], Names))
        self._earlier = {}

    def _tables(self) -> list[DenseTable]:
        return [self.orgs, self.accounts, self.objects]

    def _sums(self) -> list[SlidingSum]:
        return [*self.org_sums, *self.pair_sums, *self.prompt_sums, *self.template_sums]


def _pair_key(orgs: I32, objects: I32) -> U64:
    return (orgs.astype(np.uint64) << np.uint64(32)) | (objects.astype(np.uint64) + np.uint64(1))


def _touch(table: DenseTable, rows: I32, pane: int, before: int) -> None:
    """These rows are used in this pane; those from ``before`` on are new."""
    table["first_pane"][before:] = pane
    table["last_pane"][rows] = pane
