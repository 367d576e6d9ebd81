"""Compiled at installation or before work begins, so that no event waits for the compiler."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

import analyzer
from analyzer import precompile
from analyzer.core.config import CoreConfig
from analyzer.core.kernels import hash_index
from analyzer.replay.runner import Runner
from analyzer.replay.sources import FileSource

NOTHING_NEW = "nothing is compiled after the warm-up"


def start(*line: str, **environment: str) -> subprocess.Popen[str]:
    """Python with other arguments and variables."""
    return subprocess.Popen(
        [sys.executable, *line],
        env=dict(os.environ) | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def compiled() -> dict[str, int]:
    """How often each function was compiled so far, rather than found on disk."""
    return {
        f"{module.__name__}.{kernel.py_func.__name__}": sum(kernel.stats.cache_misses.values())
        for module in precompile.MODULES
        for kernel in precompile.kernels(module)
    }


def replay_after_warming(file: Path) -> None:
    """What a process does in :func:`test_no_event_waits_for_the_compiler`."""
    precompile.compile_all()
    before = compiled()
    for _ in Runner(CoreConfig(), [FileSource(str(file), 0)]):
        pass
    new = {name for name, number in compiled().items() if number != before[name]}
    assert not new, new
    sys.stdout.write(NOTHING_NEW)


def test_no_event_waits_for_the_compiler(tmp_path: Path) -> None:
    """After the warm-up a world with prompts in it compiles nothing more."""
    file = tmp_path / "text.ndjson"
    simulate = ["-m", "analyzer", "simulate", "--scenario", "text", "--scale", "0.05"]
    _, err = start(*simulate, "--out", str(file)).communicate()
    assert file.exists(), err
    out, err = start(__file__, str(file)).communicate()
    assert out == NOTHING_NEW, err


def test_a_worker_has_loaded_its_models_before_its_first_event() -> None:
    """Else the first snapshot would hold up all events for as long as that takes."""
    said = "import sys\nfrom analyzer.precompile import load_all\n"
    tell = "print([name in sys.modules for name in ('river.anomaly', 'river.linear_model')])\n"
    loads = [sys.executable, "-c", said + tell + "load_all()\n" + tell]
    done = subprocess.run(loads, check=True, capture_output=True, text=True)
    assert done.stdout == "[False, False]\n[True, True]\n"


def test_one_of_several_compiles(tmp_path: Path) -> None:
    """Three that start together in a new place: one compiles, the others wait and find it."""
    cache = {"NUMBA_CACHE_DIR": str(tmp_path)}
    processes = [start(__file__, **cache) for _ in range(3)]
    told = sorted(process.communicate()[1] for process in processes)
    assert told == ["", "", "analyzer: compiling, once on this machine\n"]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert start(__file__, **cache).communicate() == ("", "")


def test_every_module_with_compiled_functions_is_known() -> None:
    """What is kept is thrown away when any of them changes."""
    package = Path(analyzer.__file__ or "").parent
    marked = re.compile("^@(compiled|borrowing|calling)$", re.MULTILINE)
    having = {file for file in package.rglob("*.py") if marked.search(file.read_text("utf-8"))}
    assert having <= {Path(str(module.__file__)) for module in precompile.MODULES}


def test_what_is_old_is_thrown_away(tmp_path: Path) -> None:
    """Machine code of this Python alone."""
    version = f"py{sys.version_info.major}{sys.version_info.minor}"
    old = [tmp_path / f"scan._scan-9.{version}.nbi", tmp_path / f"scan._scan-9.{version}.1.nbc"]
    others = [tmp_path / "scan._scan-9.py39.nbi", tmp_path / "scan.cpython.pyc"]
    for file in (*old, *others):
        file.touch()
    precompile._throw_away([tmp_path])
    assert sorted(tmp_path.iterdir()) == sorted(others)


def test_without_a_place_to_keep_it_each_process_compiles() -> None:
    """It says which variable to set."""
    nowhere = {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator", "NUMBA_CACHE_DIR": ""}
    process = start(__file__, **nowhere)
    _, err = process.communicate()
    assert process.returncode == 0, err
    assert "NUMBA_CACHE_DIR" in err


def compile_one() -> None:
    """What the processes of two tests do: one module for all, in seconds instead of a minute."""
    keys = np.arange(9).astype(np.uint64)
    logging.basicConfig(level=logging.INFO, format="analyzer: %(message)s")
    precompile.compile_all((hash_index,), lambda: hash_index.HashIndex(keys).find(keys))


if __name__ == "__main__":
    replay_after_warming(Path(sys.argv[1])) if sys.argv[1:] else compile_one()
