"""Running the app until SIGTERM, from our own command line."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

import faust
import structlog

from analyzer.core.cohort.fusion import unfitted
from analyzer.core.contracts.calibration import Calibration
from analyzer.ops import logs
from analyzer.ops.health_server import serve
from analyzer.precompile import load_all
from analyzer.settings import Settings
from analyzer.stream.app import Live, OwnerMaker, make_app
from analyzer.stream.topics import catalog as topics

log = structlog.get_logger("analyzer.stream")


def work(
    settings: Settings,
    owner_maker: OwnerMaker,
    *,
    create_topics: bool = False,
    skip_lost: bool = False,
) -> NoReturn:
    """Be a worker: check the topics, run until SIGTERM, end the process.

    Raises
    ------
    AnalyzerError
        If the topics are not as they should be, or no broker answers.
    """
    logs.setup(settings)
    if names := unfitted(settings.core.calibration or Calibration.shipped()):
        log.warning("signals without weights: measured, but no evidence", signals=names)
    layout = asyncio.run(topics.prepare(settings, create=create_topics, skip_lost=skip_lost))
    asyncio.run(topics.refuse_others(settings))
    load_all()
    gc.freeze()  # what is loaded stays, and is not looked through for garbage again
    with tempfile.TemporaryDirectory(prefix="analyzer-worker-") as folder:
        data = Path(folder)
        live = make_app(settings, layout, owner_maker=owner_maker, data=data, skip_lost=skip_lost)
        code = run(live)
    leave(code)


def run(live: Live) -> int:
    """Run until SIGTERM, SIGINT or an error; the exit code.

    Raises
    ------
    UsageError
        If the port for health and metrics can't be had.
    """
    context = live.context
    serve(
        context.settings.health,
        context.meter,
        unhealthy=live.unhealthy,
        unready=live.watch.unready,
        note=live.watch.silence.unready,
    )
    worker = faust.Worker(live.app, redirect_stdouts=False, override_logging=False, quiet=True)
    worker.spinner = None
    code = 0
    try:
        worker.execute_from_commandline()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except Exception:  # noqa: BLE001 - Faust raises the supervisor's error again
        code = 1
    return 1 if live.supervisor.error is not None else code


def leave(code: int) -> NoReturn:
    """End the process now; threads of the libraries must not hold it up."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
