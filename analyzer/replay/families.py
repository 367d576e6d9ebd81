"""``analyzer fingerprint``: template families of prompts in a file, in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from analyzer.core.fingerprint import Chains, FamilyTable


class _Prompt(msgspec.Struct):
    prompt_text: str


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
    decode = msgspec.json.Decoder(_Prompt).decode
    for line in lines:
        try:
            text = decode(line).prompt_text
        except (msgspec.DecodeError, UnicodeDecodeError):
            text = ""
        family = table.assign(chains.of([text])[0].tolist()) if text else 0
        yield msgspec.json.encode({"family": f"{family:016x}" if family else None})
