"""The bench of families: the same cohorts, decided again without one."""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.bench.detection.result import WHOLE
from analyzer.bench.detection.run import replay
from analyzer.core.contracts.records import Alert, Record, encode_record
from analyzer.simulate import generate


def families(records: Iterable[Record]) -> set[str]:
    """Families that alerts name as reasons."""
    return {reading.family for r in records if isinstance(r, Alert) for reading in r.signals}


def test_a_family_that_is_left_out_says_nothing() -> None:
    """Neither of cohorts nor of campaigns; leaving out what is not there changes nothing."""
    _, records = replay(generate("smoke", 5), ("no such family", "client"))
    assert list(map(encode_record, records["no such family"])) == list(
        map(encode_record, records[WHOLE])
    )
    assert "client" in families(records[WHOLE])
    assert "client" not in families(records["client"])
