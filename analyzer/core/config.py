"""Everything that changes an answer, and nothing else.

Whatever stands here is part of ``provenance.config_hash``: two runs with the same hash
over the same events give the same bytes. How many shards or workers share the work is
not here, because it must not matter.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from analyzer.core.contracts.calibration import Calibration

PUBLIC_KEY = "analyzer"
"""The hash key that everybody knows: ids hashed with it can be found by trying."""
LONGEST_S = 100 * 365 * 86_400
"""A century, beyond which no span of time has a meaning, in seconds."""
MOST = 2**31 - 1
"""Largest number of anything that is counted."""
Seconds = Annotated[int, Field(gt=0, le=LONGEST_S)]


class Window(BaseModel):
    """One sliding window: the last ``length_s`` seconds, judged every ``hop_s`` seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    length_s: Seconds
    hop_s: Seconds


DEFAULT_WINDOWS = (
    Window(length_s=3_600, hop_s=1_200),
    Window(length_s=21_600, hop_s=3_600),
    Window(length_s=86_400, hop_s=7_200),
    Window(length_s=259_200, hop_s=21_600),
)


LARGEST_RECORD = 16 * 1_048_576
"""Of a longer record no more is held than this, in bytes."""
FIXED_MB = 720
"""The program with its compiled code, and the input that is being read, in MiB."""
BYTES_OF_PAIR, PAIRS_SHARE = 500, 0.5
BYTES_OF_ACCOUNT, ACCOUNTS_SHARE = 700, 0.2
"""At most, as measured where every pair has an object and every account an organisation and the
longest name of its own; and the share of the rest of the memory that they may take."""
NAMES_SHARE = 0.06
"""Of the same, for the names that a step holds; a column of names grows by half."""

FREE = frozenset(
    {
        "memory_mb",
        "lateness_s",
        "time_quorum",
        "keep_payloads",
        "warmup_s",
        "max_future_s",
        "max_jump_s",
        "max_record_bytes",
        "min_cohort",
        "alert_threshold",
        "fdr",
        "update_after_s",
        "close_after_s",
        "tell_confidence",
        "tell_organisations",
        "runbook_url",
    }
)
"""Settings that only decide what follows: a saved state may be taken over when they change. Any
other decides what a state means (docs/settings-that-rebuild.md)."""


class CoreConfig(BaseModel):
    """Settings of the detector; each key with its unit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pane_s: Seconds = Field(600, description="length of a pane, in seconds of event time")
    lateness_s: int = Field(
        300,
        ge=0,
        le=LONGEST_S,
        description="how far out of order a source may be, in seconds of event time",
    )
    windows: tuple[Window, ...] = Field(
        DEFAULT_WINDOWS, min_length=1, description="sliding windows: length_s and hop_s, in seconds"
    )
    warmup_s: int = Field(
        86_400,
        ge=0,
        le=LONGEST_S,
        description="no verdict before this much history, in seconds of event time",
    )
    retention_s: Seconds = Field(
        14 * 86_400, description="what is unused for so long is forgotten, in seconds of event time"
    )
    time_quorum: float = Field(
        0.75,
        ge=0,
        lt=1,
        description="share of the accounts lately seen in a source that must have reached a time "
        "before it is believed, where their clocks disagree; 0 believes the furthest",
    )
    max_future_s: Seconds = Field(
        3_600,
        description="an event further ahead of its source's time must be borne out by others, "
        "in seconds",
    )
    max_jump_s: Seconds = Field(
        86_400,
        description="a source further behind its record times that does not catch up holds "
        "nobody back, in seconds",
    )
    max_record_bytes: int = Field(
        1_048_576,
        gt=0,
        lt=LARGEST_RECORD,
        description="a longer raw record is a dead letter, in bytes",
    )
    min_cohort: int = Field(
        8, ge=3, le=MOST, description="smallest cohort judged, in organisations"
    )
    memory_mb: int = Field(
        4_096,
        gt=FIXED_MB,
        le=MOST,
        description="what a shard with its input and the program may take, in MiB; beyond, of new "
        "accounts and pairs a sample is counted; taken from worker.memory_mb",
    )
    family_tables: int = Field(
        8, ge=1, le=256, description="virtual tables that template families are learned in"
    )
    hash_key: str = Field(
        PUBLIC_KEY, min_length=1, description="key of the stable hashes; a secret if ids are shown"
    )
    pseudonymise: bool = Field(
        False,
        description="replace ids of accounts, templates, payments and clients by keyed hashes in "
        "all output; needs a hash_key of your own",
    )
    keep_payloads: bool = Field(
        False,
        description="keep the original bytes of dead letters, which may hold prompts and addresses",
    )
    alert_threshold: float = Field(
        0.5, ge=0, le=1, description="fused score at which a cohort counts as a hit"
    )
    fdr: float = Field(
        0.1, gt=0, le=1, description="false share of what is found in a pane, at most; nominal"
    )
    calibration: Calibration | None = Field(
        None,
        description="file that `analyzer calibrate` wrote: what is usual here; "
        "without it, what ships with the package",
    )
    update_after_s: Seconds = Field(
        6 * 3_600, description="an open campaign is reported again after this time, in seconds"
    )
    close_after_s: Seconds = Field(
        3 * 86_400, description="a campaign without a hit for so long is closed, in seconds"
    )
    tell_confidence: float = Field(
        0.0,
        ge=0,
        le=1,
        description="extraction is told from this confidence on; 0 tells all that is decided",
    )
    tell_organisations: int = Field(
        0, ge=0, le=MOST, description="extraction is told from so many member organisations on"
    )
    seed: int = Field(7, ge=0, le=MOST, description="seed of the online models")
    runbook_url: str = Field(
        "docs/runbooks/{kind}.md",
        description="link put into every alert, {kind} for its kind; what is set here by default "
        "are the runbooks that ship with the analyzer's source",
    )

    @model_validator(mode="after")
    def _windows_fit_the_panes(self) -> Self:
        for window in self.windows:
            if window.hop_s % self.pane_s or window.length_s % window.hop_s:
                raise ValueError(
                    f"windows: hop_s {window.hop_s} must be a multiple of pane_s {self.pane_s} "
                    f"and divide length_s {window.length_s}"
                )
        return self

    @model_validator(mode="after")
    def _pseudonyms_hide(self) -> Self:
        if self.pseudonymise and self.hash_key == PUBLIC_KEY:
            raise ValueError(
                "pseudonymise: needs a secret of your own, since everybody knows the default key: "
                "set core.hash_key"
            )
        if self.pseudonymise and self.keep_payloads:
            raise ValueError("pseudonymise and keep_payloads exclude each other; keep one")
        return self

    @property
    def max_accounts(self) -> int:
        """Accounts remembered; beyond, a sample of the new ones."""
        return int(self._state_bytes * ACCOUNTS_SHARE / BYTES_OF_ACCOUNT)

    @property
    def max_pairs(self) -> int:
        """Pairs of an organisation and an object remembered; beyond, a sample of the new ones."""
        return int(self._state_bytes * PAIRS_SHARE / BYTES_OF_PAIR)

    @property
    def max_name_bytes(self) -> int:
        """Texts held; beyond, those of accounts alone, and objects are shown by number."""
        return int(self._state_bytes * NAMES_SHARE)

    @property
    def _state_bytes(self) -> int:
        return (self.memory_mb - FIXED_MB) * 1_048_576

    @property
    def pane_ms(self) -> int:
        """Length of a pane in milliseconds."""
        return self.pane_s * 1_000

    @property
    def config_hash(self) -> str:
        """Twelve hexadecimal digits that name this configuration.

        The hash key enters as its own digest, so that the name gives nothing away.
        """
        return self._digest(self.model_dump_json(exclude={"hash_key", "keep_payloads"}))

    @property
    def state_digests(self) -> dict[str, str]:
        """Digest of each setting that decides what a saved state means, by its name."""
        values = self.model_dump(mode="json", exclude=set(FREE) | {"hash_key"})
        found = {f"core.{key}": self._digest(json.dumps(value)) for key, value in values.items()}
        return found | {"core.hash_key": self._digest("")}

    def _digest(self, text: str) -> str:
        return blake2b(text.encode(), key=self.hash_key.encode()[:64], digest_size=6).hexdigest()
