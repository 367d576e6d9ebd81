"""Settings of the raw formats: which one, and where its records hold what names differ in."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

from analyzer.formats.catalog import FORMATS, NAMES
from analyzer.formats.draft import COERCIONS
from analyzer.formats.protocol import Paths

PathList = tuple[str, ...]


class PathSettings(BaseModel):
    """Paths of one format; what is not given stays as the format has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: PathList | None = None
    organisation: PathList | None = None
    address: PathList | None = None
    more: dict[str, PathList] = {}

    @field_validator("more")
    @classmethod
    def _fields_are_known(cls, value: dict[str, PathList]) -> dict[str, PathList]:
        if unknown := sorted(set(value) - set(COERCIONS)):
            raise ValueError(f"no such optional field: {', '.join(unknown)}")
        return value

    def over(self, defaults: Paths) -> Paths:
        """The format's own paths, with what is set here in their place."""
        return Paths(
            defaults.account if self.account is None else self.account,
            defaults.organisation if self.organisation is None else self.organisation,
            defaults.address if self.address is None else self.address,
            defaults.more + tuple(sorted(self.more.items())),
        )


class FormatSettings(BaseModel):
    """How raw records are read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        "auto", description="format of the raw records; auto finds out record by record"
    )
    trusted_proxies: int = Field(
        1,
        ge=1,
        description="how many proxies of yours append to x-forwarded-for; the client is so many "
        "entries from its right end",
    )
    paths: dict[str, PathSettings] = Field(
        default_factory=dict,
        description="by format: dotted paths of account, organisation, address, and more.FIELD "
        "for other optional fields; the first that is there counts",
    )

    @field_validator("name")
    @classmethod
    def _format_is_known(cls, value: str) -> str:
        if value not in NAMES:
            raise ValueError(f"no such format; write one of {', '.join(NAMES)}")
        return value

    @field_validator("paths")
    @classmethod
    def _formats_are_known(cls, value: dict[str, PathSettings]) -> dict[str, PathSettings]:
        known = set(NAMES) - {"auto", "native"}
        if unknown := sorted(set(value) - known):
            raise ValueError(f"no such format: {', '.join(unknown)}; write one of {sorted(known)}")
        return value

    def of(self, name: str) -> Paths:
        """The paths of one format."""
        [defaults] = [kind.paths for kind in FORMATS if kind.name == name]
        return self.paths.get(name, PathSettings()).over(defaults)
