"""Settings of the adapters: environment variables ``ANALYZER_…`` and one TOML file.

``ANALYZER_BROKER`` sets ``broker``; a key of a table is reached with two underscores, as in
``ANALYZER_CORE__PANE_S`` or ``ANALYZER_KAFKA__SASL_PASSWORD``. The environment wins over the
file. Unknown keys and impossible values are refused with the key's name.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from analyzer.core.config import CoreConfig
from analyzer.core.contracts.calibration import Calibration
from analyzer.core.contracts.stamp import Stamp
from analyzer.errors import UsageError
from analyzer.formats.options import FormatSettings
from analyzer.release import release
from analyzer.settings_tables import (
    Health,
    Kafka,
    Notify,
    Shadow,
    Sharing,
    Slack,
    Topics,
    Worker,
)

PREFIX = "ANALYZER_"


def _calibration(path: Path) -> Calibration:
    """The calibration in this file, made for the weights of this version."""
    remedy = "make one with `analyzer calibrate`"
    try:
        found = Calibration.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ValueError(f"calibration: {path}: {error.strerror}; {remedy}") from error
    except ValidationError as error:
        where = _explain(error, None)
        raise ValueError(f"calibration: {path}: no calibration: {where}; {remedy}") from error
    if found.fusion != Calibration.shipped().fusion:
        raise ValueError(f"calibration: {path}: made for other weights; {remedy}")
    return found


class Settings(BaseSettings):
    """Effective settings of every command."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        str_strip_whitespace=True,
    )

    broker: str | None = Field(None, description="bootstrap servers: kafka://host:port[,host:port]")
    app_id: str = Field("analyzer", min_length=1, description="prefix of consumer groups")
    shards: int = Field(4, gt=0, le=1024, description="account shards; changes no answer")
    cohort_shards: int = Field(
        1,
        gt=0,
        le=64,
        description="cohort shards; 1: in one step with campaigns; changes no answer",
    )
    log_format: Literal["console", "json"] = Field("console", description="how logs are written")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="lesser lines are not logged"
    )
    kafka: Kafka = Kafka()
    topics: Topics = Topics()
    worker: Worker = Worker()
    health: Health = Health()
    notify: Notify = Notify()
    slack: Slack = Slack()
    sinks: dict[str, dict[str, Any]] = Field(
        {}, description="tables of other sinks by their name, as each sink describes them"
    )
    formats: FormatSettings = FormatSettings()
    sharing: Sharing = Sharing()
    shadow: Shadow = Shadow()
    core: CoreConfig = Field(CoreConfig(), validate_default=True)

    @field_validator("core")
    @classmethod
    def _keeps_to_memory(cls, core: CoreConfig, info: ValidationInfo) -> CoreConfig:
        """The answer depends on what there is room for, so the core has to know."""
        if (worker := info.data.get("worker")) is None:
            return core
        if "memory_mb" in core.model_fields_set and core.memory_mb != worker.memory_mb:
            raise ValueError("memory_mb: set worker.memory_mb instead")
        return core.model_copy(update={"memory_mb": worker.memory_mb})

    @field_validator("core", mode="before")
    @classmethod
    def _read_calibration(cls, core: Any) -> Any:
        if not isinstance(core, dict) or not isinstance(path := core.get("calibration"), str):
            return core
        return core | {"calibration": _calibration(Path(path)) if path else None}

    @field_validator("broker")
    @classmethod
    def _broker_is_plain(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if "@" in value:
            raise ValueError(
                "a user name or password in the address would be lost; "
                "set kafka.sasl_username and kafka.sasl_password instead"
            )
        for part in _servers(value):
            host, _, port = part.rpartition(":")
            if "/" in part or not host or not _PORT.fullmatch(port) or not 0 < int(port) < 65_536:
                raise ValueError(
                    f"{part!r} is no HOST:PORT; write kafka://host:9092, whatever "
                    "kafka.security_protocol is"
                )
        return value

    @property
    def bootstrap(self) -> list[str]:
        """Broker addresses as HOST:PORT.

        Raises
        ------
        UsageError
            If no broker is set.
        """
        if self.broker is None:
            raise UsageError("no broker: set ANALYZER_BROKER=kafka://host:9092")
        return _servers(self.broker)

    @property
    def stamp(self) -> Stamp:
        """What blocks and snapshots say of the settings under which they were made."""
        cut = {"shards": str(self.shards), "cohort_shards": str(self.cohort_shards)}
        return Stamp(self.core.config_hash, self.core.state_digests | cut)

    @property
    def shadow_core(self) -> CoreConfig | None:
        """What is judged by beside ``core``, if anything."""
        given = self.shadow.given
        return self.core.model_copy(update=given) if given else None

    @property
    def client_id(self) -> str:
        """How a worker names itself to the broker: by its release and all that must be equal."""
        names = {key: name for key, name in self.topics if isinstance(name, str)}
        formats = self.formats.model_dump(mode="json")
        shared = [self.stamp.config_hash, self.stamp.state_hash, names, formats, self.shadow.given]
        digest = blake2b(json.dumps(shared).encode(), digest_size=4).hexdigest()
        return f"analyzer-{release()}-{self.core.config_hash}-{digest}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment before file."""
        return (env_settings, init_settings)

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Settings from the environment and, if given, a TOML file.

        Raises
        ------
        UsageError
            If a key is unknown or a value impossible; the message names the key.
        """
        path = path or (Path(env) if (env := os.environ.get(PREFIX + "CONFIG")) else None)
        _refuse_unknown_variables(cls)
        try:
            return cls(**_read(path))
        except ValidationError as error:
            raise UsageError(_explain(error, path)) from error
        except SettingsError as error:  # a list or a table in the environment that is no JSON
            raise UsageError(f"{error}; in the environment write it as JSON") from error


_PORT = re.compile(r"[0-9]{1,5}")


def _servers(text: str) -> list[str]:
    """The brokers in a list of them, each with the scheme or without."""
    return [part.strip().removeprefix("kafka://") for part in text.split(",")]


def _read(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; check the path") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not TOML: {error}") from error


_SERVICE = re.compile(
    r"(_SERVICE_HOST|_SERVICE_PORT(_[A-Z0-9_]+)?"
    r"|_PORT_\d+_(TCP|UDP|SCTP)(_PROTO|_PORT|_ADDR)?)$"
)
_SERVICE_ADDRESS = re.compile(r"(tcp|udp|sctp)://")


def _of_a_service(name: str, value: str) -> bool:
    """Whether Kubernetes (or a Docker link) has set it, for a Service called ``analyzer…``."""
    address = name.endswith("_PORT") and _SERVICE_ADDRESS.match(value)
    return bool(address or _SERVICE.search(name))


def _refuse_unknown_variables(cls: type[Settings]) -> None:
    known = {PREFIX + name.upper() for name in cls.model_fields} | {PREFIX + "CONFIG"}
    for name, value in sorted(os.environ.items()):
        if not name.startswith(PREFIX) or name.partition("__")[0] in known:
            continue
        if not _of_a_service(name, value):
            raise UsageError(f"{name}: no such setting; `analyzer config` lists them all")


def _explain(error: ValidationError, path: Path | None) -> str:
    lines = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"]) or "settings"
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "no such setting; `analyzer config` lists them all"
        lines.append(f"{key}: {message}")
    where = f" (from {path} and the environment)" if path else ""
    return "; ".join(lines) + where
