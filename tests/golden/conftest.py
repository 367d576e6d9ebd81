"""The option that rewrites what the golden tests expect."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--write-golden``."""
    parser.addoption(
        "--write-golden", action="store_true", help="rewrite tests/golden/*/expected.ndjson"
    )
