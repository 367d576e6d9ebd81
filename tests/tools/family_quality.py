"""How well template families fit labels: ``python tests/tools/family_quality.py FILE.ndjson …``.

Each line of a file is a JSON object with ``prompt_text`` and ``label``; a label of null marks
free chat. Files are measured one by one, in one pass each, in the order of their lines.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from analyzer.core.ingest.template_chains import Chains, FamilyTable

BATCH = 512
"""Prompts fingerprinted in one call."""


class Labelled(msgspec.Struct):
    """A prompt and the template it was made from; null for free chat."""

    prompt_text: str
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Quality:
    """What one pass over a file gave."""

    precision: float
    """Share of pairs in one family that are of one template."""
    recall: float
    """Share of pairs of one template that are in one family."""
    chat_clump: float
    """Largest family among chat prompts, as a share of them."""
    fingerprint_us: float
    """Process time of the stateless half, microseconds a prompt."""
    assign_us: float
    """Process time of the half with memory, microseconds a prompt."""

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.precision * self.recall / ((self.precision + self.recall) or 1)


def measure(prompts: Sequence[Labelled], key: str = "key") -> Quality:
    """One pass over the prompts, in their order."""
    chains, table, found = Chains(key), FamilyTable(), list[int]()
    FamilyTable().assign(chains.of([""]))  # compiled before the clock starts
    fingerprint = assign = 0.0
    for at in range(0, len(prompts), BATCH):
        begin = time.process_time()
        rows = chains.of([prompt.prompt_text for prompt in prompts[at : at + BATCH]])
        middle = time.process_time()
        found.extend(table.assign(rows).tolist())
        fingerprint += middle - begin
        assign += time.process_time() - middle
    told = [(f, p.label) for f, p in zip(found, prompts, strict=True) if p.label is not None]
    chat = [f for f, p in zip(found, prompts, strict=True) if p.label is None]
    both = pairs((f, label) for f, label in told if f)
    us = 1e6 / len(prompts)
    return Quality(
        precision=both / (pairs(f for f, _ in told if f) or 1),
        recall=both / (pairs(label for _, label in told) or 1),
        chat_clump=max(Counter(f for f in chat if f).values(), default=0) / (len(chat) or 1),
        fingerprint_us=fingerprint * us,
        assign_us=assign * us,
    )


def pairs(things: Iterable[object]) -> int:
    """How many pairs of equal things there are."""
    return sum(n * (n - 1) // 2 for n in Counter(things).values())


def read(path: Path) -> list[Labelled]:
    """All prompts of a file."""
    decode = msgspec.json.Decoder(Labelled).decode
    return [decode(line) for line in path.read_bytes().splitlines()]


if __name__ == "__main__":
    for name in sys.argv[1:]:
        q = measure(read(Path(name)))
        sys.stdout.write(
            f"{Path(name).name}: F1 {q.f1:.3f} (precision {q.precision:.3f}, recall "
            f"{q.recall:.3f}), largest chat clump {q.chat_clump:.2%}, fingerprint "
            f"{q.fingerprint_us:.1f} us + assign {q.assign_us:.1f} us\n"
        )
