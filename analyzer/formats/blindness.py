"""Which signals see nothing where a field of the contract is missing."""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.core.cohort.catalog import SIGNALS

READ = sorted(
    {field for signal in SIGNALS for group in signal.NEEDS for field in group} | {"org_id"}
)
"""Optional fields that the analysis reads."""


def blind(lost: Iterable[str]) -> list[str]:
    """Signals that see nothing if these fields are missing, in the order of the catalogue.

    Examples
    --------
    >>> blind({"user_agent", "tls_ja4", "payment_ref"})
    ['client_homogeneity', 'payment_sharing']
    """
    gone = set(lost)
    return [
        signal.NAME for signal in SIGNALS if any(gone.issuperset(group) for group in signal.NEEDS)
    ]
