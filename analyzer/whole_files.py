"""Files that are written whole or not at all, and that nobody but the user may read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from analyzer.errors import UsageError


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write; it takes its place when all is in it, so the one there may still be read.

    What is no plain file, such as a pipe, is written as it comes.

    Raises
    ------
    UsageError
        If it can't be written; then what was there before is there still.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as stream:
                yield stream
            return
        real = path.resolve()
        scratch = real.with_name(scratch_prefix(real) + "file")
        try:
            with scratch.open("wb") as stream:
                scratch.chmod(0o600)
                yield stream
            scratch.replace(real)
        finally:
            scratch.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}; check the path") from error


def scratch_prefix(path: Path) -> str:
    """How names beside this one begin, of what is not whole yet; what was killed is removed."""
    prefix = f".{path.name}.partial-"
    for old in path.parent.glob(f"{_literal(prefix)}*"):
        if _runs(old.name.removeprefix(prefix).partition("-")[0]):
            continue
        if old.is_dir():
            shutil.rmtree(old, ignore_errors=True)
        else:
            with suppress(OSError):
                old.unlink()
    return f"{prefix}{os.getpid()}-"


def _literal(text: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in text)


def _runs(pid: str) -> bool:
    return not pid.isdigit() or Path(f"/proc/{pid}").exists() or not Path("/proc/self").exists()
