"""Insert broken lines into a file of events, in ten ways.

Run as ``python tests/tools/break_lines.py IN OUT --share 0.01 --seed 1``. The good lines stay
as they are; OUT.broken.json lists ``[line number, way]`` (numbers from 1) of what was inserted.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

if TYPE_CHECKING:
    from collections.abc import Callable

BIG_LINE_BYTES = 5_000_000
FAR_FUTURE_MS = 4_102_444_800_000
"""2100-01-01."""

Event = dict[str, Any]


def _with(**changes: object) -> Callable[[Event], bytes]:
    return lambda event: orjson.dumps({**event, **changes})


def _without(*names: str) -> Callable[[Event], bytes]:
    return lambda event: orjson.dumps({k: v for k, v in event.items() if k not in names})


def _huge(event: Event) -> bytes:
    return orjson.dumps(event)[:-1] + b',"max_tokens":1' + b"0" * 400 + b"}"


def _invalid_utf8(event: Event) -> bytes:
    return orjson.dumps(event)[:-1] + b',"country":"\xff\xfe\xc3"}'


def _bad_address(event: Event) -> bytes:
    kept = {key: value for key, value in event.items() if key != "ip_prefix"}
    return orjson.dumps({**kept, "client_ip": "999.1.2.3"})


WAYS: dict[str, Callable[[Event], bytes]] = {
    "not_json": lambda event: orjson.dumps(event)[: -len(event)],
    "wrong_types": _with(timestamp_ms="yesterday", input_tokens=[1]),
    "missing_fields": _without("account_id", "model"),
    "huge_number": _huge,
    "invalid_utf8": _invalid_utf8,
    "empty_line": lambda _: b"",
    "huge_line": lambda event: orjson.dumps({**event, "prompt_text": "x" * BIG_LINE_BYTES}),
    "far_future": _with(timestamp_ms=FAR_FUTURE_MS),
    "negative_tokens": _with(output_tokens=-5),
    "bad_address": _bad_address,
}
"""How a good event becomes a bad line, by the name of the way."""


def broken(way: str, event: Event, number: int) -> bytes:
    """One bad line made of a good event, with an event id of its own and no line feed."""
    return WAYS[way]({**event, "event_id": f"broken-{number}"})


def break_lines(source: Path, out: Path, share: float, seed: int) -> list[tuple[int, str]]:
    """Copy a file of events and insert bad lines.

    Parameters
    ----------
    source, out
        Files of NDJSON.
    share
        Bad lines per good line; every way comes up at least once.
    seed
        Says where they go.

    Returns
    -------
    Line number in ``out`` (from 1) and way of each bad line.
    """
    rng = np.random.default_rng(seed)
    lines = source.read_bytes().splitlines(keepends=True)
    n = max(len(WAYS), round(share * len(lines)))
    names = [*WAYS] * (n // len(WAYS) + 1)
    places = np.sort(rng.integers(0, len(lines) + 1, n))
    ways = dict(enumerate(rng.permutation(names[:n]).tolist()))
    inserted: list[tuple[int, str]] = []
    done = 0
    with out.open("wb") as file:
        for at, place in enumerate(places.tolist()):
            file.writelines(lines[done:place])
            done = place
            model = orjson.loads(lines[min(place, len(lines) - 1)])
            file.write(broken(ways[at], model, at) + b"\n")
            inserted.append((place + at + 1, ways[at]))
        file.writelines(lines[done:])
    return inserted


def main() -> None:
    """Write the file and the list of what is broken in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--share", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    out: Path = arguments.out
    inserted = break_lines(arguments.source, out, arguments.share, arguments.seed)
    out.with_name(out.name + ".broken.json").write_bytes(orjson.dumps(inserted))


if __name__ == "__main__":
    main()
