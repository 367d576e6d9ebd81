"""``/healthz``, ``/readyz`` and ``/metrics`` over HTTP, in a thread of its own.

So it answers, and says what is wrong, even when the work beside it hangs.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog

from analyzer.errors import UsageError
from analyzer.ops.metrics import Meter

if TYPE_CHECKING:
    from aiohttp import web

    from analyzer.settings_tables import Health

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"

log = structlog.get_logger("analyzer.ops.health_server")

Probe = Callable[[], str | None]
"""What is wrong; None if nothing is. Called from another thread: it must only look."""


def serve(
    health: Health,
    meter: Meter,
    *,
    unhealthy: Probe,
    unready: Probe,
    note: Probe = lambda: None,
) -> None:
    """Answer until the process ends; do nothing if no port is set.

    Parameters
    ----------
    unhealthy
        Decides ``/healthz``: whoever gets 503 may start the process again.
    unready
        Decides ``/readyz``.
    note
        What ``/healthz`` says beside its 200: wrong, but no start would mend it.

    Raises
    ------
    UsageError
        If the port is taken, or the host is not this machine's.
    """
    if not health.port:
        return
    family = socket.AF_INET6 if ":" in health.host else socket.AF_INET
    try:
        listening = socket.create_server((health.host, health.port), family=family)
    except OSError as error:
        where = f"{health.host}:{health.port}"
        raise UsageError(
            f"health.port: can't listen on {where}: {error.strerror}; "
            "set another port, or 0 for none"
        ) from error
    work = _answer(listening, meter, {"/healthz": unhealthy, "/readyz": unready}, note)
    threading.Thread(target=asyncio.run, args=(work,), name="endpoint", daemon=True).start()
    log.info("health and metrics", host=health.host, port=health.port)


async def _answer(
    listening: socket.socket, meter: Meter, probes: dict[str, Probe], note: Probe
) -> None:
    from aiohttp import web  # noqa: PLC0415 - only who has a port pays for the server

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=meter.text(), headers={"Content-Type": TEXT_FORMAT})

    async def probe(request: web.Request) -> web.Response:
        wrong = probes[request.path]()
        said = f"ok, but {known}" if (known := note()) else "ok"
        return web.Response(text=f"{wrong or said}\n", status=503 if wrong else 200)

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), *(web.get(path, probe) for path in probes)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    await asyncio.Event().wait()
