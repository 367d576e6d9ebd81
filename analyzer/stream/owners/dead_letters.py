"""Dead letters on their way: a record that can't be used is set aside, counted, and passed."""

from __future__ import annotations

from analyzer.core.contracts.records import DeadLetter, encode_record
from analyzer.ops import metrics
from analyzer.stream.owners.context import Context
from analyzer.stream.owners.outbox import Outbox


async def set_aside(context: Context, outbox: Outbox, letter: DeadLetter) -> None:
    """Send a dead letter; its key is its place, so that whoever reads it twice can tell."""
    context.meter.add(metrics.DEAD_LETTERS, reason=letter.reason)
    key = f"{letter.source}/{letter.partition}/{letter.offset}".encode()
    await outbox.put(context.settings.topics.dead_letters, encode_record(letter), key=key)
