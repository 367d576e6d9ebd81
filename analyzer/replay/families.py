"""``analyzer fingerprint``: template families of prompts in a file, in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec

from analyzer.core.contracts.decode import UNREADABLE
from analyzer.core.ingest.template_chains import Chains, FamilyTable


class _Prompt(msgspec.Struct):
    prompt_text: str


_DECODER = msgspec.json.Decoder(_Prompt)
_BATCH = 512


def families(lines: Iterable[bytes], key: str) -> Iterator[bytes]:
    """One ``{"family": …}`` per line, in the same order; null where there is none (yet).

    Parameters
    ----------
    lines
        JSON objects with ``prompt_text``; a line that is none gets a null family.
    key
        Key of the stable hashes.
    """
    chains, table = Chains(key), FamilyTable()
    for texts in _batches(map(_text, lines)):
        for family in table.assign(chains.of(texts)).tolist():
            yield msgspec.json.encode({"family": f"{family:016x}" if family else None})


def _text(line: bytes) -> str:
    try:
        return _DECODER.decode(line).prompt_text
    except UNREADABLE:
        return ""


def _batches(texts: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(texts, _BATCH)):
        yield batch
