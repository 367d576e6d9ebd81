"""Parquet as a source: each row is a record, a column for each field; what is null is not given."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from analyzer.core.ingest.step import RawBatch
from analyzer.core.kernels.byte_strings import Texts
from analyzer.errors import AnalyzerError, UsageError

MAGIC = b"PAR1"
ROWS = 10_000


def is_parquet(path: str) -> bool:
    """True if the file begins as Parquet does."""
    file = Path(path)
    try:
        if not file.is_file():
            return False
        with file.open("rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):
        return False  # told where files are opened


class ParquetSource:
    """Rows of a Parquet file; the offset is the number of the row, from 1.

    Columns of times become epoch milliseconds, as events have them.

    Raises
    ------
    UsageError
        If the extra for Parquet is not installed.
    """

    note = ""

    def __init__(self, path: str, partition: int) -> None:
        try:
            import pyarrow.parquet  # noqa: F401, PLC0415 - an extra
        except ImportError as error:
            raise UsageError(
                f"{path}: Parquet needs an extra; pip install 'usage-analyzer[parquet]'"
            ) from error
        self.name, self.partition = path, partition
        self.size: int | None = Path(path).stat().st_size

    def batches(self) -> Iterator[tuple[RawBatch, int]]:
        """Rows in batches, each with its share of the file's size.

        Raises
        ------
        AnalyzerError
            If the file is damaged.
        """
        import pyarrow as pa  # noqa: PLC0415 - an extra
        import pyarrow.parquet as pq  # noqa: PLC0415 - as above

        number = 1
        try:
            with pq.ParquetFile(self.name) as file:
                each = (self.size or 0) / max(1, file.metadata.num_rows)
                for batch in file.iter_batches(ROWS):
                    lines = [_line(row) for row in batch.to_pylist()]
                    offsets = np.arange(number, number + len(lines), dtype=np.int64)
                    number += len(lines)
                    yield RawBatch(Texts.of(lines), offsets), int(each * len(lines))
        except (pa.ArrowException, OSError) as error:
            raise AnalyzerError(
                f"{self.name}: damaged Parquet ({error}); fetch it again"
            ) from error


def _line(row: dict[str, Any]) -> bytes:
    given = {name: value for name, value in row.items() if value is not None}
    return orjson.dumps(given, default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _plain(value: object) -> object:
    """A time as epoch milliseconds; anything else as text."""
    if isinstance(value, dt.datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
        return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)
    return str(value)
