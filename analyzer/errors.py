"""The one tree of exceptions.

::

    AnalyzerError
    ├── UsageError        wrong command line or settings         exit 2
    ├── RetryLater        "not now": the same call may succeed   retried with back-off
    │   └── AddressRefused    not before a setting is changed    the same, and health says so
    ├── BadRecord         "never": this input can't be used      one dead letter, then on
    └── Broken            "stop": going on would give wrong answers   exit 1
        ├── HoleError         rows are missing between two blocks
        ├── StateError        saved state can't be read
        └── OtherSettingsError  it was made under settings that give it another meaning
"""

from __future__ import annotations


class AnalyzerError(Exception):
    """Anything this package raises on purpose."""


class UsageError(AnalyzerError):
    """The command line or a setting is wrong; the message names the key and says what to do."""


class RetryLater(AnalyzerError):  # noqa: N818 - the name is the instruction
    """The other side is not able now; the same call may succeed later.

    Parameters
    ----------
    after_s
        Seconds to wait, when the other side said so.
    """

    def __init__(self, message: str, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class AddressRefused(RetryLater):
    """The other side takes nothing from us at all; somebody has to change a setting."""


class BadRecord(AnalyzerError):  # noqa: N818 - it is not our error
    """One input record can't be used; it becomes a dead letter.

    Parameters
    ----------
    reason
        Short stable word for metrics, such as ``not_json``.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Broken(AnalyzerError):  # noqa: N818 - a state, not a mishap
    """Going on would give wrong answers; the process must stop loudly."""


class HoleError(Broken):
    """A block starts above what its receiver has seen: rows in between are missing.

    Parameters
    ----------
    seen
        Position up to which the source was seen; None if the source is not known at all.
    """

    def __init__(self, message: str, seen: int | None = None) -> None:
        super().__init__(message)
        self.seen = seen


class StateError(Broken):
    """Saved state is unreadable, incomplete or of another version."""


class OtherSettingsError(Broken):
    """A block or a snapshot was made under settings that give it another meaning."""
