"""Running the app until SIGTERM, from our own command line."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import faust

from analyzer.endpoint import serve
from analyzer.stream.app import Live


def run(live: Live) -> int:
    """Run until SIGTERM, SIGINT or an error; the exit code.

    Raises
    ------
    UsageError
        If the port for health and metrics can't be had.
    """
    context = live.context
    serve(context.settings.health, context.meter, unwell=live.unwell, unready=live.watch.unready)
    worker = faust.Worker(live.app, redirect_stdouts=False, override_logging=False, quiet=True)
    worker.spinner = None
    code = 0
    try:
        worker.execute_from_commandline()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except Exception:  # noqa: BLE001 - Faust raises the guard's error again
        code = 1
    return 1 if live.guard.error is not None else code


def leave(code: int) -> NoReturn:
    """End the process now; threads of the libraries must not hold it up."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
