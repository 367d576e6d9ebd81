"""Settings of the adapters: environment variables ``ANALYZER_…`` and one TOML file.

``ANALYZER_BROKER`` sets ``broker``; a key of a table is reached with two underscores, as in
``ANALYZER_CORE__PANE_S`` or ``ANALYZER_KAFKA__SASL_PASSWORD``. The environment wins over the
file. Unknown keys and impossible values are refused with the key's name.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import tomllib
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from analyzer import __version__
from analyzer.core.config import CoreConfig
from analyzer.core.contracts.calibration import Calibration
from analyzer.core.contracts.stamp import Stamp
from analyzer.errors import UsageError
from analyzer.formats.options import FormatSettings

PREFIX = "ANALYZER_"


def _with_secret(data: Any, key: str) -> Any:
    """The table with the secret that ``key_file`` points to put under ``key``."""
    if not isinstance(data, dict) or (path := data.get(f"{key}_file")) is None:
        return data
    try:
        text = Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise ValueError(f"{key}_file: {path}: {reason}; check the path") from error
    if not text:
        raise ValueError(f"{key}_file: {path} is empty")
    given = data.get(key)
    given = given.get_secret_value() if isinstance(given, SecretStr) else given
    if given not in {None, text}:
        raise ValueError(f"{key} and {key}_file are both set; keep one")
    return data | {key: SecretStr(text)}


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


def is_this_machine(host: str) -> bool:
    """Whether the host is this machine, which no proxy can reach and nobody can listen to.

    Examples
    --------
    >>> [is_this_machine(host) for host in ("localhost", "127.0.0.9", "::1", "hooks.slack.com")]
    [True, True, True, False]
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Kafka(_Table):
    """How every client speaks to the broker."""

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="as in every Kafka client"
    )
    ssl_cafile: Path | None = Field(None, description="PEM file of the authorities to trust")
    ssl_certfile: Path | None = Field(None, description="PEM file of the client's certificate")
    ssl_keyfile: Path | None = Field(None, description="PEM file of the client's key")
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="as in every Kafka client"
    )
    sasl_username: str | None = Field(None, description="user name for SASL")
    sasl_password: SecretStr | None = Field(None, description="password for SASL")
    sasl_password_file: Path | None = Field(
        None, description="file that holds the password for SASL, instead of sasl_password"
    )
    session_timeout_s: float = Field(
        6.0, gt=0, description="a worker silent for so long loses its partitions, in seconds"
    )

    @model_validator(mode="before")
    @classmethod
    def _read_password(cls, data: Any) -> Any:
        return _with_secret(data, "sasl_password")


class Topics(_Table):
    """Names and partition counts of all topics."""

    requests: str = Field("llm.requests", description="raw events; its partition count is yours")
    account: str = Field("analyzer.account", description="internal: events by account shard")
    cohort: str = Field("analyzer.cohort", description="internal: panes by cohort shard")
    campaign: str = Field("analyzer.campaign", description="internal: cohorts, one partition")
    snapshots: str = Field(
        "analyzer.snapshots", description="internal: prefix of the compacted snapshot topics"
    )
    alerts: str = Field("analyzer.alerts", description="alert.v1, append")
    campaigns: str = Field("analyzer.campaigns", description="campaign.v1, compacted")
    members: str = Field("analyzer.members", description="member.v1, compacted, key = account_id")
    dead_letters: str = Field("analyzer.dead-letters", description="dead-letter.v1, append")
    feedback: str = Field("analyzer.feedback", description="feedback.v1, labels and allow-lists")
    requests_partitions: int = Field(
        4, gt=0, description="partitions of `requests`, used when --create-topics makes it"
    )
    output_partitions: int = Field(1, gt=0, description="partitions of each output topic")
    replication_factor: int = Field(1, gt=0, description="copies of each partition created")


class Worker(_Table):
    """How one live worker behaves."""

    snapshot_every_s: float = Field(10.0, gt=0, description="time between snapshots, in seconds")
    idle_after_s: float = Field(
        15.0, gt=0, description="a partition silent at its end for so long is idle, in seconds"
    )
    max_bad_share: float = Field(
        0.5, gt=0, le=1, description="the worker stops if more of its input is bad; a share"
    )
    stuck_after_s: float = Field(
        60.0,
        ge=4,
        description="a worker that stands still for so long although records wait, or whose "
        "event loop hangs, ends with exit code 1; it is unhealthy from half of it, in seconds",
    )


class Health(_Table):
    """Where `worker` and `notify` answer /healthz, /readyz and /metrics."""

    host: str = Field(
        "127.0.0.1", min_length=1, description="address to listen on; 0.0.0.0 for everybody"
    )
    port: int = Field(
        0,
        ge=0,
        lt=65_536,
        description="port to listen on; 0 is off, so that several processes on one machine "
        "do not collide: give each its own",
    )


class Notify(_Table):
    """How alerts are delivered, whatever the sink."""

    digest_after_s: float = Field(
        86_400.0,
        gt=0,
        description="alerts that lay in their topic for longer are told in one digest; of "
        "campaigns that are still open the latest is sent, in seconds",
    )


class Slack(_Table):
    """Where alerts go."""

    allow_http: bool = Field(
        False,
        description="take a webhook without TLS on another machine, such as a proxy's: everybody "
        "on the way can read the alerts and the secret address",
    )
    webhook_url: SecretStr | None = Field(
        None, description="incoming webhook; without it alerts go to the console"
    )
    webhook_url_file: Path | None = Field(
        None, description="file that holds the incoming webhook, instead of webhook_url"
    )
    min_severity: Literal["info", "low", "medium", "high", "critical"] = Field(
        "medium", description="lesser alerts are not sent, nor shown on the console"
    )
    pause_s: float = Field(
        1.0, ge=0, description="least time between two messages, in seconds; Slack allows one"
    )
    timeout_s: float = Field(
        10.0, gt=0, description="an answer later than this counts as none, in seconds"
    )

    @model_validator(mode="before")
    @classmethod
    def _read_webhook(cls, data: Any) -> Any:
        return _with_secret(data, "webhook_url")

    @field_validator("webhook_url")
    @classmethod
    def _webhook_is_an_address(
        cls, value: SecretStr | None, info: ValidationInfo
    ) -> SecretStr | None:
        parts = urlsplit(value.get_secret_value()) if value else None
        if parts and (parts.scheme not in {"http", "https"} or not parts.hostname):
            raise ValueError("no web address; write https://hooks.slack.com/services/…")
        plain = parts and parts.scheme == "http" and not is_this_machine(parts.hostname or "")
        if plain and not info.data.get("allow_http"):
            raise ValueError(
                "http:// would show the alerts and the secret address to everybody on the way; "
                "write https://, or set slack.allow_http"
            )
        return value


class Sharing(_Table):
    """What `analyzer export` may say, and to whom."""

    min_accounts: int = Field(
        10, ge=2, description="a block of addresses leaves the house if so many accounts use it"
    )
    tlp: Literal["clear", "green", "amber", "amber+strict", "red"] = Field(
        "amber", description="marking of STIX bundles, Traffic Light Protocol 2.0"
    )
    source: str = Field(
        "usage-analyzer", min_length=1, description="name of the author of STIX bundles"
    )
    network_files: tuple[Path, ...] = Field(
        (),
        description="MMDB files, or lists of lines CIDR,CLASS,ASN: which blocks are residential, "
        "mobile, hosting or vpn",
    )


class Settings(BaseSettings):
    """Effective settings of every command."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    broker: str | None = Field(None, description="bootstrap servers: kafka://host:port[,host:port]")
    app_id: str = Field("analyzer", min_length=1, description="prefix of consumer groups")
    shards: int = Field(4, gt=0, le=1024, description="account shards; changes no answer")
    cohort_shards: int = Field(1, gt=0, le=64, description="cohort shards; changes no answer")
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
    core: CoreConfig = CoreConfig()

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
        for part in value.removeprefix("kafka://").split(","):
            host, _, port = part.rpartition(":")
            if not host or not port.isdigit() or not 0 < int(port) < 65_536:
                raise ValueError(f"{part!r} is no HOST:PORT; write kafka://host:9092")
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
        return self.broker.removeprefix("kafka://").split(",")

    @property
    def stamp(self) -> Stamp:
        """What blocks and snapshots say of the settings under which they were made."""
        cut = {"shards": str(self.shards), "cohort_shards": str(self.cohort_shards)}
        return Stamp(self.core.config_hash, self.core.state_digests | cut)

    @property
    def client_id(self) -> str:
        """How a worker names itself to the broker: by its release and all that must be equal."""
        names = {key: name for key, name in self.topics if isinstance(name, str)}
        formats = self.formats.model_dump(mode="json")
        shared = [self.stamp.config_hash, self.stamp.state_hash, names, formats]
        digest = blake2b(json.dumps(shared).encode(), digest_size=4).hexdigest()
        return f"analyzer-{__version__}-{self.core.config_hash}-{digest}"

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


def _read(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
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
