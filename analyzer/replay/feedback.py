"""A file of feedback: one ``feedback.v1`` record a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from analyzer.core.campaign.feedback.rules import Judgements
from analyzer.core.contracts.feedback import Feedback, decode_feedback
from analyzer.errors import BadRecord, UsageError


def read_feedback(path: Path, max_bytes: int) -> list[Feedback]:
    """All records of the file; empty lines count for nothing.

    Raises
    ------
    UsageError
        If the file can't be read, or a line is no feedback; the message names the line.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; give a file of feedback.v1 lines") from error
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(decode_feedback(line, max_bytes))
        except BadRecord as bad:
            raise UsageError(f"{path}, line {number}: {bad}") from bad
    return found


def allowances(judgements: Judgements) -> list[dict[str, Any]]:
    """Every allowance with its owner, reason, expiry and how often it was used."""
    return [
        {
            "type": kind,
            "id": id_,
            "author_ref": allowance.said.author_ref,
            "reason": allowance.said.reason,
            "expires_ms": allowance.said.expires_ms,
            "hits": allowance.hits,
        }
        for (kind, id_), allowance in sorted(judgements.allowed.items())
    ]
