"""A broker that asks for a name and a password, over TLS."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from analyzer.settings import Settings
from analyzer.settings_tables import Kafka
from analyzer.testing import brokers, harness, reference_run

PARTITIONS = 2
MECHANISM = "listener__name__secure__plain__sasl__jaas__config"
MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule required"
KNOWN = Kafka(
    security_protocol="SASL_SSL", sasl_username="analyzer", sasl_password=SecretStr("right")
)
WITHIN_S = 120.0

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def secured(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    """Settings that reach it."""
    jars, openssl = harness.jars_of(pytestconfig.rootpath), shutil.which("openssl")
    if not pytestconfig.getoption("--chaos") or jars is None or openssl is None:
        pytest.skip("only with --chaos KILLS, and with Java, Maven and openssl")
    folder, port = tmp_path_factory.mktemp("tls"), brokers.free_port()
    certificate, key, both = (folder / f"{name}.pem" for name in ("certificate", "key", "both"))
    made = ["-subj", "/CN=broker", "-addext", f"subjectAltName=IP:{brokers.HOST}"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *made, *files],
        check=True,
        capture_output=True,
    )
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    listeners = f"PLAINTEXT://{brokers.HOST}:{{port}},SECURE://{brokers.HOST}:{port}"
    with brokers.apache(
        jars,
        listeners=f"{listeners},CONTROLLER://{brokers.HOST}:{{controller}}",
        advertised__listeners=listeners,
        listener__security__protocol__map="PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT",
        inter__broker__listener__name="PLAINTEXT",
        sasl__enabled__mechanisms="PLAIN",
        listener__name__secure__ssl__keystore__type="PEM",
        listener__name__secure__ssl__keystore__location=str(both),
        **{MECHANISM: f'{MODULE} user_analyzer="right";'},
    ):
        yield harness.settings_for(
            f"kafka://{brokers.HOST}:{port}",
            PARTITIONS,
            kafka=KNOWN.model_copy(update={"ssl_cafile": certificate}),
        )


def refusal(settings: Settings, tmp_path: Path, **kafka: object) -> str:
    """What a worker with other settings says as it ends."""
    other = settings.model_copy(update={"kafka": settings.kafka.model_copy(update=kafka)})
    with pytest.raises(AssertionError), harness.worker(other, tmp_path / "refused.log"):
        pass
    return (tmp_path / "refused.log").read_text("utf-8")


def test_who_is_not_let_in_reads_why(secured: Settings, tmp_path: Path) -> None:
    """A wrong password, and a file that is not there, are named without a traceback."""
    wrong = refusal(secured, tmp_path, sasl_password=SecretStr("wrong"))
    assert "Invalid username or password" in wrong
    assert "or lets us in: see above" in wrong
    missing = refusal(secured, tmp_path, ssl_cafile=tmp_path / "missing.pem")
    assert "missing.pem: [Errno 2] No such file or directory" in missing
    assert "Traceback" not in wrong + missing


def test_a_worker_does_its_work_over_tls_with_a_password(secured: Settings, tmp_path: Path) -> None:
    """Every client of ours, and Faust's, says who it is: the records are those of a replay."""
    harness.create_topics(secured)
    parts = harness.scenario("smoke", PARTITIONS)
    harness.feed(secured, parts, 0.0, 1.0)
    with harness.worker(secured, tmp_path / "worker.log") as worker:
        assert harness.caught_up(secured, WITHIN_S)
        assert worker.terminate() == 0
    assert harness.answers(secured) == sorted(set(reference_run.records(secured.core, parts)))
