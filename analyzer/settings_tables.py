"""The tables of the settings but ``[core]`` and ``[formats]``, which stand beside what they set."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from analyzer.core.config import FIXED_MB, LONGEST_S, MOST, CoreConfig


def _with_secret(data: Any, key: str) -> Any:
    """The table with the secret that ``key_file`` points to put under ``key``."""
    if not isinstance(data, dict) or (path := data.get(f"{key}_file")) is None:
        return data
    try:
        text = Path(path).read_text("utf-8-sig").strip()
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


def web_address(text: str, *, plain: bool, instead: str) -> str:
    """The address of a service, without the blanks around it.

    Parameters
    ----------
    plain
        Whether http:// is taken for other machines too.
    instead
        What to do about http:// for another machine.

    Raises
    ------
    ValueError
        If it is none, or would show to everybody on the way what is sent.
    """
    text = text.strip()
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").encode("idna")
        is_one = parts.scheme in {"http", "https"} and host and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one or any(c.isspace() for c in text):
        raise ValueError("no web address; write https://host/…")
    if parts.scheme == "http" and not plain and not is_this_machine(parts.hostname or ""):
        raise ValueError(
            "http:// would show the alerts and the secret address to everybody on the way; "
            f"write https://{instead}"
        )
    return text


Span = Annotated[float, Field(gt=0, le=LONGEST_S)]
Partitions = Annotated[int, Field(gt=0, le=100_000)]


class _Table(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", str_strip_whitespace=True, allow_inf_nan=False
    )


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
        6.0,
        gt=0,
        le=86_400,
        description="a worker silent for so long loses its partitions, in seconds",
    )

    @model_validator(mode="before")
    @classmethod
    def _read_password(cls, data: Any) -> Any:
        return _with_secret(data, "sasl_password")

    @model_validator(mode="after")
    def _sasl_knows_who(self) -> Self:
        if self.security_protocol.startswith("SASL") and not (
            self.sasl_username and self.sasl_password
        ):
            raise ValueError(
                f"security_protocol {self.security_protocol} needs sasl_username and "
                "sasl_password (or sasl_password_file)"
            )
        return self


LONGEST_NAME = 240
"""Characters of a name, so that those of the snapshots stay within Kafka's 249."""
TOPIC_NAME = re.compile(rf"[A-Za-z0-9._-]{{1,{LONGEST_NAME}}}")
STEPS_SAVED = (".account", ".cohort", ".campaign")


class Topics(_Table):
    """Names and partition counts of all topics."""

    requests: str = Field("llm.requests", description="raw events; its partition count is yours")
    account: str = Field("analyzer.account", description="internal: events by account shard")
    cohort: str = Field(
        "analyzer.cohort", description="internal: panes by cohort shard, if there are several"
    )
    campaign: str = Field(
        "analyzer.campaign", description="internal: panes and cohorts, one partition"
    )
    snapshots: str = Field(
        "analyzer.snapshots", description="internal: prefix of the compacted snapshot topics"
    )
    alerts: str = Field("analyzer.alerts", description="alert.v1, append")
    campaigns: str = Field("analyzer.campaigns", description="campaign.v1, compacted")
    members: str = Field("analyzer.members", description="member.v1, compacted, key = account_id")
    shadow_alerts: str = Field(
        "analyzer.shadow-alerts", description="alert.v1 of [shadow], for nobody to act on"
    )
    dead_letters: str = Field("analyzer.dead-letters", description="dead-letter.v1, append")
    feedback: str = Field("analyzer.feedback", description="feedback.v1, labels and allow-lists")
    requests_partitions: Partitions = Field(
        4, description="partitions of `requests`, used when --create-topics makes it"
    )
    output_partitions: Partitions = Field(1, description="partitions of each output topic")
    replication_factor: int = Field(
        1, gt=0, le=32_767, description="copies of each partition created"
    )

    @model_validator(mode="after")
    def _each_has_a_topic_of_its_own(self) -> Self:
        """A worker that reads what it writes, or two steps in one topic, would count nonsense."""
        whose: dict[str, str] = {}
        for key, name in self:
            if not isinstance(name, str):
                continue
            if not TOPIC_NAME.fullmatch(name) or name in {".", ".."}:
                raise ValueError(
                    f"{key}: {name!r} is no name of a topic; write up to {LONGEST_NAME} letters, "
                    "digits, dots, underscores and hyphens"
                )
            parts = STEPS_SAVED if key == "snapshots" else ("",)
            for topic in (name + part for part in parts):
                if (other := whose.setdefault(topic, key)) != key:
                    raise ValueError(f"{key}: topic {topic} is that of `{other}`; give it its own")
        return self


class Worker(_Table):
    """How one live worker behaves."""

    memory_mb: int = Field(
        CoreConfig().memory_mb,
        gt=FIXED_MB,
        le=MOST,
        description="what a shard with its input and the program may take, in MiB; a worker that "
        "holds several needs more. Beyond, known accounts stay exact, of new ones a sample is "
        "counted, and objects are shown by number",
    )
    snapshot_every_s: Span = Field(10.0, description="time between snapshots, in seconds")
    idle_after_s: Span = Field(
        15.0, description="a partition silent at its end for so long is idle, in seconds"
    )
    max_bad_share: float = Field(
        0.5, gt=0, le=1, description="the worker stops if more of its input is bad; a share"
    )
    stuck_after_s: float = Field(
        60.0,
        ge=4,
        le=LONGEST_S,
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

    digest_after_s: Span = Field(
        86_400.0,
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
        1.0,
        ge=0,
        le=3_600,
        description="least time between two messages, in seconds; Slack allows one",
    )
    timeout_s: float = Field(
        10.0, gt=0, le=3_600, description="an answer later than this counts as none, in seconds"
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
        if value is None:
            return None
        plain, instead = bool(info.data.get("allow_http")), ", or set slack.allow_http"
        return SecretStr(web_address(value.get_secret_value(), plain=plain, instead=instead))


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


class Shadow(_Table):
    """A second configuration that the worker judges by beside the one that people are told of.

    What is set here differs, everything else is that of ``[core]``. It judges the same cohorts,
    and its alerts go to ``topics.shadow_alerts``; ``analyzer promote`` compares.
    """

    alert_threshold: float | None = Field(None, ge=0, le=1, description="as core.alert_threshold")
    fdr: float | None = Field(None, gt=0, le=1, description="as core.fdr")
    tell_confidence: float | None = Field(None, ge=0, le=1, description="as core.tell_confidence")
    tell_organisations: int | None = Field(None, ge=0, description="as core.tell_organisations")
    update_after_s: int | None = Field(None, gt=0, description="as core.update_after_s, in seconds")
    close_after_s: int | None = Field(None, gt=0, description="as core.close_after_s, in seconds")

    @property
    def given(self) -> dict[str, Any]:
        """What is set."""
        return self.model_dump(exclude_none=True)
