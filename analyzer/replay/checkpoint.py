"""A replay that was stopped by Ctrl-C, kept to go on with: one file beside the results-to-be."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from analyzer.core.contracts.snapshot_codec import pack, unpack
from analyzer.errors import AnalyzerError, StateError, UsageError
from analyzer.release import release
from analyzer.whole_files import whole_file

VERSION = 1


def place_of(folder: Path) -> Path:
    """The file for results in this folder."""
    folder = folder.absolute()
    return folder.with_name(f".{folder.name}.resume")


def terms(sources: Sequence[str], config_hash: str, **more: Any) -> dict[str, str]:
    """What must be the same to go on, each as a short text."""
    sizes = [Path(name).stat().st_size if Path(name).is_file() else -1 for name in sources]
    found = {"sources": list(zip(sources, sizes, strict=True)), "settings": config_hash, **more}
    return {"version": release()} | {name: _digest(value) for name, value in found.items()}


def _digest(value: Any) -> str:
    plain = msgspec.json.encode(value, enc_hook=str)
    return blake2b(plain, digest_size=8).hexdigest()


def save(path: Path, of: dict[str, str], state: dict[str, Any]) -> None:
    """Write the file, whole or not at all, for its owner alone.

    Raises
    ------
    AnalyzerError
        If there is no room.
    """
    try:
        with whole_file(path) as stream:
            stream.write(pack("replay", VERSION, {"of": of, "state": state}))
    except UsageError as error:
        raise AnalyzerError(f"{error}; what was replayed is lost") from error


def load(path: Path, of: dict[str, str]) -> dict[str, Any]:
    """What :func:`save` wrote.

    Raises
    ------
    UsageError
        If there is none, it is damaged, or something differs that it was begun with.
    """
    try:
        found = unpack("replay", VERSION, path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"{path}: {error.strerror}; nothing was stopped here: replay without --resume"
        ) from error
    except StateError as error:
        raise UsageError(f"{path}: {error}; replay without --resume") from error
    other = [name for name, value in of.items() if found["of"].get(name) != value]
    if other:
        raise UsageError(
            f"{', '.join(other)}: not as when the replay was stopped; "
            "give the same, or replay without --resume"
        )
    state: dict[str, Any] = found["state"]
    return state
