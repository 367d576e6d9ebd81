"""Prompts without a template id get the id of their family, learned from their text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from analyzer.core.contracts.events import EventColumns
from analyzer.core.ingest.columnize import family_table
from analyzer.core.ingest.template_chains import FamilyTable


class Families:
    """The virtual family tables that one account shard owns.

    Parameters
    ----------
    tables
        How many virtual tables there are in all; what is learned depends on this alone.
    """

    def __init__(self, tables: int) -> None:
        self._tables = tables
        self._owned: dict[int, FamilyTable] = {}

    def name(self, rows: EventColumns) -> EventColumns:
        """The same events, in their order, with a family where text came without a template."""
        if not rows.chains.shape[1]:
            return rows
        told = np.flatnonzero((rows.template == 0) & (rows.chains[:, 0] != 0))
        table = family_table(rows.org[told], self._tables)
        template = rows.template.copy()
        for number in np.unique(table).tolist():
            if number not in self._owned:
                self._owned[number] = FamilyTable()
            mine = told[table == number]
            template[mine] = self._owned[number].assign(rows.chains[mine])
        return replace(rows, template=template, chains=np.zeros((len(rows), 0), np.uint64))

    def state(self) -> dict[int, dict[str, Any]]:
        """All owned tables."""
        return {number: table.state() for number, table in self._owned.items()}

    def restore(self, state: dict[int, dict[str, Any]]) -> None:
        """Put back what :meth:`state` gave."""
        self._owned = {}
        for number, saved in state.items():
            self._owned[int(number)] = table = FamilyTable()
            table.restore(saved)
