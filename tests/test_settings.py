"""Settings: where they come from, what is refused, and that secrets stay secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from analyzer.core.config import CoreConfig
from analyzer.errors import UsageError
from analyzer.replay.lines import run
from analyzer.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HIDDEN = "hunter2-7f3a"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine has set does not count."""
    import os

    for name in list(os.environ):
        if name.startswith("ANALYZER_"):
            monkeypatch.delenv(name)


def toml(folder: Path, text: str) -> Path:
    """A file of settings."""
    file = folder / "settings.toml"
    file.write_text(text, "utf-8")
    return file


def test_defaults_need_nothing() -> None:
    """Every setting but the broker has a default."""
    assert Settings.load().app_id == "analyzer"
    with pytest.raises(UsageError, match="ANALYZER_BROKER"):
        _ = Settings.load().bootstrap


def test_environment_wins_over_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Key by key: a table may come from both."""
    file = toml(tmp_path, 'app_id = "file"\n[slack]\nmin_severity = "high"\npause_s = 3.0\n')
    monkeypatch.setenv("ANALYZER_APP_ID", "env")
    monkeypatch.setenv("ANALYZER_SLACK__MIN_SEVERITY", "low")
    settings = Settings.load(file)
    assert settings.app_id == "env"
    assert settings.slack.min_severity == "low"
    assert settings.slack.pause_s == 3.0


def test_file_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``ANALYZER_CONFIG`` stands for ``--config``."""
    monkeypatch.setenv("ANALYZER_CONFIG", str(toml(tmp_path, "shards = 9\n")))
    assert Settings.load().shards == 9


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("colour = 1", "colour"),
        ("[core]\npane = 60", "core.pane"),
        ("[core]\npane_s = 0", "core.pane_s"),
        ("[core]\npane_s = 700", "windows"),
        ("[core]\nalert_threshold = 1.5", "core.alert_threshold"),
        ("[slack]\nmin_severity = 'urgent'", "slack.min_severity"),
        ("[slack]\nwebhook_url = 'hooks'", "slack.webhook_url"),
        ("[slack]\nwebhook_url = 'http://hooks.example/x'", "slack.webhook_url"),
        ("[slack]\nwebhook_url_file = '/nowhere/at/all'", "webhook_url_file"),
        ("[kafka]\nsession_timeout_s = 'long'", "kafka.session_timeout_s"),
        ("[topics]\nrequests_partitions = -1", "topics.requests_partitions"),
        ("shards = 0", "shards"),
        ("broker = 'kafka://user:pw@host:9092'", "broker"),
        ("broker = 'kafka://host'", "broker"),
        ("broker = 'PLAINTEXT://host:9092'", "broker"),
        ("broker = 'kafka://host:9092/topic'", "broker"),
        ("broker = 'host:\u0663'", "broker"),
        ("[topics]\nrequests = 'analyzer.alerts'", "topic analyzer.alerts is that of `"),
        ("[topics]\nalerts = 'analyzer.snapshots.campaign'", "topic analyzer.snapshots.campaign"),
        ("[topics]\nrequests = 'llm requests'", "requests"),
        ("[topics]\nrequests = ''", "requests"),
        ("[topics]\nrequests = '..'", "requests"),
        ("[topics]\nsnapshots = '" + 241 * "x" + "'", "snapshots"),
        ("[kafka]\nsecurity_protocol = 'SASL_SSL'", "sasl_username"),
        ("[slack]\nwebhook_url = ''", "slack.webhook_url"),
        ("[slack]\nwebhook_url = 'https://hooks..slack.com/x'", "slack.webhook_url"),
        ("[slack]\nwebhook_url = 'https://hooks.slack.com:99999/x'", "slack.webhook_url"),
        ("[slack]\nwebhook_url = 'https://hooks.slack.com/a b'", "slack.webhook_url"),
        ("[worker]\nstuck_after_s = inf", "worker.stuck_after_s"),
        ("[core]\nwindows = []", "core.windows"),
    ],
)
def test_what_is_wrong_is_named(text: str, key: str, tmp_path: Path) -> None:
    """Unknown keys and impossible values are refused with the key's name."""
    with pytest.raises(UsageError, match=key.replace(".", r"\.")):
        Settings.load(toml(tmp_path, text))


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("ANALYZER_COLOUR", "1", "ANALYZER_COLOUR"),
        ("ANALYZER_CORE__PANE", "60", "core.pane"),
        ("ANALYZER_SHARDS", "many", "shards"),
        ("ANALYZER_CORE__WINDOWS", "all", "core"),
    ],
)
def test_what_is_wrong_in_the_environment_is_named(
    name: str, value: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a file."""
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=word):
        Settings.load()


SERVICES = st.sampled_from(["ANALYZER", "ANALYZER_WORKER", "ANALYZER_KAFKA", "ANALYZER_X9"])
PORTS = st.integers(1, 65_535)
PROTOCOLS = st.sampled_from(["TCP", "UDP", "SCTP"])


@given(service=SERVICES, port=PORTS, protocol=PROTOCOLS, name=st.sampled_from(["HTTP", "A_B"]))
def test_what_kubernetes_sets_for_a_service_is_no_setting(
    service: str, port: int, protocol: str, name: str
) -> None:
    """Every pod beside a Service called analyzer… has these; a typing error is still refused."""
    url = f"{protocol.lower()}://10.96.12.7:{port}"
    one = f"{service}_PORT_{port}_{protocol}"
    found = {
        f"{service}_SERVICE_HOST": "10.96.12.7",
        f"{service}_SERVICE_PORT": str(port),
        f"{service}_SERVICE_PORT_{name}": str(port),
        f"{service}_PORT": url,
        one: url,
        f"{one}_PROTO": protocol.lower(),
        f"{one}_PORT": str(port),
        f"{one}_ADDR": "10.96.12.7",
    }
    with pytest.MonkeyPatch.context() as patch:
        for key, value in found.items():
            patch.setenv(key, value)
        assert Settings.load() == Settings()
        patch.setenv(f"{service}_PORTS", url)
        with pytest.raises(UsageError, match=f"{service}_PORTS: no such setting"):
            Settings.load()


def test_a_port_that_is_no_address_is_a_typing_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody means health.port."""
    monkeypatch.setenv("ANALYZER_PORT", "9464")
    with pytest.raises(UsageError, match="ANALYZER_PORT: no such setting"):
        Settings.load()


@pytest.mark.parametrize("text", ["shards =", "[core\n", "\x00"])
def test_no_toml_is_said_plainly(text: str, tmp_path: Path) -> None:
    """With the name of the file."""
    with pytest.raises(UsageError, match="not TOML"):
        Settings.load(toml(tmp_path, text))


@pytest.mark.parametrize("key", ["kafka.sasl_password", "slack.webhook_url"])
def test_secrets_from_files(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is read, its line end dropped; both at once are refused; copies stay valid."""
    table, name = key.split(".")
    secret = tmp_path / "secret"
    secret.write_text(f"https://hooks.example/{HIDDEN}\n", "utf-8")
    monkeypatch.setenv(f"ANALYZER_{table}__{name}_file".upper(), str(secret))
    settings = Settings.load()
    value = getattr(getattr(settings, table), name)
    assert value.get_secret_value() == f"https://hooks.example/{HIDDEN}"
    assert Settings.model_validate(settings.model_dump()) == settings
    monkeypatch.setenv(f"ANALYZER_{table}__{name}".upper(), "https://other.example/")
    with pytest.raises(UsageError, match=f"{name} and {name}_file are both set"):
        Settings.load()
    secret.write_text("\n", "utf-8")
    with pytest.raises(UsageError, match="is empty"):
        Settings.load()


def test_secrets_are_in_no_text(tmp_path: Path) -> None:
    """Neither in what is printed, nor in the error about the key beside them."""
    text = f"[kafka]\nsasl_password = '{HIDDEN}'\n[slack]\nwebhook_url = 'https://h/{HIDDEN}'\n"
    settings = Settings.load(toml(tmp_path, text))
    assert HIDDEN not in f"{settings!r} {settings} {settings.model_dump_json()}"
    wrong = [text + "pause_s = -1\n", text.replace("https://", "ftp://"), text + "colour = 1\n"]
    for broken in wrong:
        with pytest.raises(UsageError) as caught:
            Settings.load(toml(tmp_path, broken))
        assert HIDDEN not in str(caught.value)


def fields(table: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each key and what is said about it."""
    for name, field in table.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from fields(kind, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field.description or ""


@pytest.mark.parametrize(("key", "told"), list(fields(Settings)))
def test_every_key_is_told_with_its_unit(key: str, told: str) -> None:
    """What the name's ending promises stands in the description."""
    assert told
    units = {"_s": "seconds", "_bytes": "bytes", "_partitions": "partitions", "_share": "share"}
    for ending, unit in units.items():
        assert not key.endswith(ending) or unit in told


@pytest.mark.parametrize(
    "text",
    [
        "webhook_url = 'http://127.0.0.1:8080/x'",
        "webhook_url = 'http://localhost/x'",
        "allow_http = true\nwebhook_url = 'http://proxy.example/x'",
    ],
)
def test_a_webhook_without_tls_only_where_nobody_listens_or_when_told(
    text: str, tmp_path: Path
) -> None:
    """On this machine, or when the setting says so."""
    assert Settings.load(toml(tmp_path, f"[slack]\n{text}\n")).slack.webhook_url is not None


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("[worker]\nsnapshot_every_s = 3.0\n[topics]\nreplication_factor = 3", True),
        ("[slack]\nwebhook_url = 'https://hooks.example/x'", True),
        ("[core]\nalert_threshold = 0.7", False),
        ("[topics]\nmembers = 'other'", False),
        ("shards = 7", False),
    ],
)
def test_workers_that_must_agree_name_themselves_alike(
    text: str, same: bool, tmp_path: Path
) -> None:
    """What no answer depends on may differ."""
    other = Settings.load(toml(tmp_path, text))
    assert (other.client_id == Settings().client_id) == same
    assert HIDDEN not in other.client_id


def test_blanks_and_marks_around_a_value_are_no_part_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As shells, editors and mounted secrets leave them."""
    secret = tmp_path / "webhook"
    secret.write_text("\ufeffhttps://hooks.slack.com/services/x \r\n", "utf-8")
    monkeypatch.setenv("ANALYZER_BROKER", " kafka://a:9092, kafka://b:9092 ")
    monkeypatch.setenv("ANALYZER_APP_ID", "mine ")
    monkeypatch.setenv("ANALYZER_TOPICS__REQUESTS", "raw\n")
    settings = Settings.load(toml(tmp_path, f"\ufeff[slack]\r\nwebhook_url_file = '{secret}'\r\n"))
    assert settings.bootstrap == ["a:9092", "b:9092"]
    assert (settings.app_id, settings.topics.requests) == ("mine", "raw")
    assert settings.slack.webhook_url is not None
    assert settings.slack.webhook_url.get_secret_value() == "https://hooks.slack.com/services/x"


LINES = b"".join(
    b'{"event_id":"%d","timestamp_ms":%d,"account_id":"%d","model":"m","input_tokens":1,'
    b'"output_tokens":1,"status":"ok"}\n' % (i, 1_772_532_000_000 + i * 60_000, i % 9)
    for i in range(50)
).splitlines()
EXTREMES = [-(2**63), -1, 0, 1, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 10**400]


@pytest.mark.parametrize("name", sorted(set(CoreConfig.model_fields) - {"calibration", "windows"}))
def test_a_number_that_is_taken_can_be_worked_with(name: str) -> None:
    """Whatever stands there, it is refused, or what it means is done."""
    for value in EXTREMES:
        try:
            config = CoreConfig(**{name: value})
        except ValueError:
            continue
        made = run(LINES, config)
        assert made.count("events") == len(LINES)
