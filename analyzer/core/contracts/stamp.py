"""Under which settings a block or a snapshot was made.

State that was counted under one setting means something else under another. So blocks and
snapshots carry a stamp, and whoever takes them compares it with its own. Settings that only
decide what follows, such as a threshold, may differ: then the new ones hold from here on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b

from analyzer.errors import OtherSettingsError


@dataclass(frozen=True)  # no slots: the hash is kept
class Stamp:
    """The settings of one process, as digests that give nothing away.

    Examples
    --------
    >>> Stamp("1a", {"core.pane_s": "3c"}).differing({"core.pane_s": "4d", "core.seed": "00"})
    ['core.pane_s', 'core.seed']
    """

    config_hash: str = ""
    """Name of the whole configuration; what makes up ``provenance.config_hash``."""
    state: Mapping[str, str] = field(default_factory=dict)
    """Digest of each setting that decides what a state means."""

    @cached_property
    def state_hash(self) -> str:
        """Twelve hexadecimal digits; equal where states may be taken over."""
        text = "\n".join(f"{key}={value}" for key, value in sorted(self.state.items()))
        return blake2b(text.encode(), digest_size=6).hexdigest()

    def differing(self, state: Mapping[str, str]) -> list[str]:
        """Names of the settings in which another state differs."""
        keys = self.state.keys() | state.keys()
        return sorted(key for key in keys if self.state.get(key) != state.get(key))

    def admit(self, config_hash: str, state_hash: str) -> None:
        """Take what another process made; what has no stamp no worker made, and it may pass.

        Raises
        ------
        OtherSettingsError
            If its states mean something else than ours.
        """
        if config_hash and state_hash != self.state_hash:
            raise OtherSettingsError(
                f"made with other settings (config_hash {config_hash}, here {self.config_hash})"
            )
