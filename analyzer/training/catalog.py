"""The one list of what ships fitted. A new one is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from analyzer.training.calibration import fitted_calibration
from analyzer.training.fusion import fitted_fusion


@dataclass(frozen=True, slots=True)
class Fitted:
    """A file of the package that a fit makes."""

    name: str
    file: Path
    """Where it is installed."""
    make: Callable[[], str]
    """Its text; the same each time."""


def _installed(package: str, name: str) -> Path:
    return Path(str(files(package) / name))


FITTED = (
    Fitted("fusion", _installed("analyzer.core.cohort", "fusion.json"), fitted_fusion),
    Fitted(
        "calibration",
        _installed("analyzer.core.contracts", "calibration.json"),
        fitted_calibration,
    ),
)
