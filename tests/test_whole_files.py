"""Files are written whole or not at all, and for their owner alone."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from analyzer.errors import UsageError
from analyzer.whole_files import whole_file


def names(folder: Path) -> set[str]:
    """What lies there, hidden or not."""
    return {file.name for file in folder.iterdir()}


def test_a_file_takes_its_place_when_all_is_in_it(tmp_path: Path) -> None:
    """So the one that it replaces can be read meanwhile, through the same name."""
    path = tmp_path / "events"
    path.write_bytes(b"before")
    with whole_file(path) as stream, path.open("rb") as old:
        stream.write(old.read() + b", after")
    assert path.read_bytes() == b"before, after"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(tmp_path) == {"events"}


@pytest.mark.parametrize("before", [None, b"before"])
def test_an_error_leaves_what_was_there(tmp_path: Path, before: bytes | None) -> None:
    """And nothing beside it."""
    path = tmp_path / "events"
    if before is not None:
        path.write_bytes(before)

    def fail() -> None:
        with whole_file(path) as stream:
            stream.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (path.read_bytes() if path.exists() else None) == before
    assert names(tmp_path) == ({"events"} if before else set())


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    """And what a living one writes is not."""
    (tmp_path / ".events.partial-999999999-file").write_bytes(b"half")
    living = f".events.partial-{os.getppid()}-file"
    (tmp_path / living).write_bytes(b"half")
    with whole_file(tmp_path / "events"):
        pass
    assert names(tmp_path) == {"events", living}


def test_a_link_still_leads_to_the_file(tmp_path: Path) -> None:
    """The file it leads to is replaced, not the link."""
    real = tmp_path / "real"
    (tmp_path / "link").symlink_to(real)
    with whole_file(tmp_path / "link") as stream:
        stream.write(b"all")
    assert real.read_bytes() == b"all"
    assert (tmp_path / "link").is_symlink()


def test_a_pipe_is_written_as_it_comes(tmp_path: Path) -> None:
    """It stays a pipe."""
    pipe, got = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    with whole_file(pipe) as stream:
        stream.write(b"all")
    reader.join()
    assert got == [b"all"]
    assert pipe.is_fifo()


@pytest.mark.parametrize("place", [".", "/", "/dev/full", "/proc/x", "/nowhere/x", "x" * 300])
def test_a_place_that_takes_no_file_is_named(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder, a full disk, a folder that is not there, a name too long."""
    monkeypatch.chdir(tmp_path)

    def write() -> None:
        with whole_file(Path(place)) as stream:
            stream.write(b"all")

    with pytest.raises(UsageError, match=place[:20]):
        write()
    assert names(tmp_path) == set()
