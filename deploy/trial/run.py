"""``make trial``: gateway, clients and the analyzer over what the gateway has logged."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

HERE = Path(__file__).parent
OUT = Path(os.environ.get("TRIAL_OUT", "trial-results"))
DAYS = float(os.environ.get("TRIAL_DAYS", "3"))
VENV = Path(os.environ.get("TRIAL_VENV", ".venv-trial"))
START_S = 240


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextlib.contextmanager
def running(*command: str, log: Path, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended at the end."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, env={**os.environ, **env}, cwd=HERE
        )
        try:
            yield process
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the proxy answers."""
    for _ in range(START_S):
        if process.poll() is not None:
            sys.exit(f"trial: the proxy has ended; see {log}")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=2)  # noqa: S310 - our own address
            return
        time.sleep(1)
    sys.exit(f"trial: no proxy after {START_S} s; see {log}")


def compress(source: Path, target: Path) -> float:
    """Spread the log over ``DAYS`` days of event time; the factor."""
    payloads: list[dict[str, Any]] = [
        orjson.loads(line) for line in source.read_bytes().splitlines()
    ]
    times = [payload["startTime"] for payload in payloads]
    first, factor = min(times), DAYS * 86_400 / max(1.0, max(times) - min(times))
    for payload in payloads:
        payload["startTime"] = round(first + (payload["startTime"] - first) * factor, 3)
        payload["endTime"] = None
    payloads.sort(key=lambda payload: payload["startTime"])
    target.write_bytes(b"".join(orjson.dumps(payload) + b"\n" for payload in payloads))
    return factor


def judge(folder: Path, raw: Path) -> None:
    """Say who was found, by the names of the keys."""
    names = {}
    for line in raw.read_bytes().splitlines():
        metadata = orjson.loads(line)["metadata"]
        names[metadata["user_api_key_hash"]] = str(metadata.get("user_api_key_user_id"))
    members = [orjson.loads(line) for line in (folder / "members.ndjson").read_bytes().splitlines()]
    found = {names.get(m["account_id"], "?") for m in members if m["state"] == "member"}
    operation = {name for name in found if name.startswith("op-")}
    print(f"operation     {len(operation)} of 60 accounts found")
    print(f"customers     {sum(name.startswith('customer-') for name in found)} of 200 accused")
    print(f"evaluation    {'accused' if 'evaluation' in found else 'left alone'}")


def main() -> None:
    """Run the trial; its results lie in ``trial-results``."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what we started ends too
    OUT.mkdir(exist_ok=True)
    raw, log = (OUT / "litellm.ndjson").resolve(), (OUT / "proxy.log").resolve()
    raw.unlink(missing_ok=True)
    model, proxy = free_port(), free_port()
    bin_ = VENV.resolve() / "bin"
    env = {
        "TRIAL_MODEL": f"http://127.0.0.1:{model}/v1",
        "TRIAL_LOG": str(raw),
        "PYTHONPATH": str(HERE.resolve()),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
        "LITELLM_LOG": "ERROR",
    }
    litellm = (str(bin_ / "litellm"), "--config", "proxy.yaml", "--host", "127.0.0.1")
    with (
        running(sys.executable, "model_server.py", str(model), log=OUT / "model.log"),
        running(*litellm, "--port", str(proxy), log=log, **env) as process,
    ):
        url = f"http://127.0.0.1:{proxy}"
        wait_for(url + "/health/liveliness", process, log)
        subprocess.run([str(bin_ / "python"), str(HERE / "clients.py"), url + "/v1"], check=True)
        time.sleep(10)  # the proxy writes its log behind its answers
    spread = OUT / "litellm-spread.ndjson"
    factor = compress(raw, spread)
    print(f"event time    1 s of the trial is {factor:,.0f} s")
    replay = [sys.executable, "-m", "analyzer", "replay", str(spread), "--format", "litellm"]
    subprocess.run([*replay, "--out", str(OUT / "findings")], check=True)
    judge(OUT / "findings", raw)


if __name__ == "__main__":
    main()
