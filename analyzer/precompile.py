"""Compiles what is compiled (:mod:`analyzer.core.kernels.jit`) before anything waits for it.

The first compile on a machine takes about 70 s. ``make venv`` does it at installation; where
it has not been done, a worker or a replay does it before its first event.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import numba
import numpy as np
import scipy.sparse as sp
from llvmlite.binding import get_host_cpu_features, get_host_cpu_name
from numba.extending import is_jitted

from analyzer.core.campaign import (
    baseline,
    likeness,
    measure,
    membership,
    overlap,
    peers,
    profiles,
    thinning,
)
from analyzer.core.campaign.objects import Objects
from analyzer.core.cohort import co_sharing_graph, earlier_users, together
from analyzer.core.cohort.selection import Cohorts
from analyzer.core.cohort.signals import balance, creation, first_seen, hand_over
from analyzer.core.config import CoreConfig
from analyzer.core.contracts import events
from analyzer.core.contracts.object_kind import Kind
from analyzer.core.ingest import (
    clock_rows,
    json_scanner,
    plain_fields,
    scanner_schema,
    template_chains,
)
from analyzer.core.ingest.step import RawBatch
from analyzer.core.kernels import (
    bits,
    bloom,
    byte_strings,
    common_use,
    divergence,
    group_by,
    half_spaces,
    hash_index,
    interned_names,
    jit,
    json_tokens,
    kafka_records,
    matrix_sums,
    order_statistics,
    sliding_sum,
    sparse,
    xxh3,
)
from analyzer.core.kernels.byte_strings import Texts
from analyzer.core.kernels.hash_index import HashIndex
from analyzer.core.pipeline import Pipeline
from analyzer.formats.compiled import (
    batch,
    keys,
    layout,
    moments,
    prompt,
    put,
    recipe,
    rules,
    told,
    walk,
    write,
)
from analyzer.formats.options import FormatSettings
from analyzer.formats.reader import Reader

MODULES = (
    balance, baseline, batch, bits, bloom, byte_strings, clock_rows, co_sharing_graph,
    common_use, creation, divergence, earlier_users, events, first_seen, group_by, half_spaces,
    hand_over, hash_index, interned_names, jit, json_scanner, json_tokens, kafka_records, keys,
    layout, likeness, matrix_sums, measure, membership, moments, order_statistics, overlap,
    peers, plain_fields, profiles, prompt, put, recipe, rules, scanner_schema, sliding_sum,
    sparse, template_chains, thinning, together, told, walk, write, xxh3,
)  # fmt: skip
"""Where compiled functions are, and what is compiled into them."""
BEGIN_MS = 1_800_000_000_000
STEP_MS, HOPS = 7 * 3_600_000, 7
"""Closes every pane between, and ends windows of every length; a day later come other accounts."""
MANY = 2_000
"""So many keys make a hash table grow."""

log = logging.getLogger("analyzer.precompile")


def compile_all(
    modules: Sequence[ModuleType] | None = None, run: Callable[[], object] | None = None
) -> None:
    """Compile what is not compiled yet, so that no event waits for the compiler.

    Machine code is kept beside the package or, if nothing can be written there, in
    ``NUMBA_CACHE_DIR`` or the user's cache; if nowhere, each process compiles anew. What is
    kept is thrown away as a whole when any of its sources has changed, since Numba looks at
    the file of each function alone and not at those of the functions that it calls. Of
    processes that start together one compiles, and the others wait for it.

    Parameters
    ----------
    modules
        Where compiled functions are; all that there are if not given.
    run
        Calls each of them once.
    """
    modules, run = modules or MODULES, run or _run
    folders = sorted(_folders(modules))
    if not folders:
        log.info("compiling, in every process: set NUMBA_CACHE_DIR to a folder that can be written")
        run()
        return
    mark = folders[0] / f"{sys.implementation.cache_tag}.compiled"
    digest = _digest(modules)
    if mark.exists() and mark.read_text("ascii") == digest:
        return
    with mark.open("a+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if mark.read_text("ascii") != digest:
            log.info("compiling, once on this machine")
            _throw_away(folders)
            run()
            file.truncate(0)
            file.write(digest)


def load_all() -> None:
    """Compile what is not compiled yet, and load it and the models, before a worker's first event.

    What happens once takes a second or two: where it would else come to pass, at the first
    windows and the first snapshot, events lie and wait.
    """
    compile_all()
    _run()


def _folders(modules: Sequence[ModuleType]) -> set[Path]:
    """Where Numba keeps machine code of ours."""
    paths = (kernel.stats.cache_path for module in modules for kernel in kernels(module))
    return {Path(path) for path in paths if path is not None}


def kernels(module: ModuleType) -> Iterator[Any]:
    """The compiled functions that a module holds."""
    return (value for value in vars(module).values() if is_jitted(value))


def _digest(modules: Sequence[ModuleType]) -> str:
    """What the sources of all compiled functions, the compiler and the processor come to."""
    sources = [Path(str(module.__file__)).read_bytes() for module in modules]
    machine = [numba.__version__, get_host_cpu_name(), get_host_cpu_features().flatten()]
    text = b"\0".join([*sources, *(part.encode() for part in machine)])
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def _throw_away(folders: list[Path]) -> None:
    version = f"py{sys.version_info.major}{sys.version_info.minor}"
    for folder in folders:
        for file in folder.glob(f"*.{version}*.nb[ci]"):
            file.unlink(missing_ok=True)


def _run() -> None:
    """The whole way of a few events, and what only many of them would reach.

    Raises
    ------
    RuntimeError
        If the events do not go the whole way.
    """
    config = CoreConfig(warmup_s=0, time_quorum=0)
    values = [_event(number, hop) for hop in range(HOPS) for number in range(config.min_cohort)]
    append_ms = np.full(len(values), BEGIN_MS + HOPS * STEP_MS)
    lines = Texts.lines(b"\n".join(values))
    pipeline = Pipeline(config)
    judged: list[int] = []

    def on_measured(cohorts: Cohorts, *_: object) -> None:
        judged.append(len(cohorts))
        _measure(cohorts)

    pipeline.steps["cohort"][0].on_measured = on_measured
    pipeline.feed(0, RawBatch(lines, np.arange(len(values)), append_ms))
    if not judged:
        raise RuntimeError("no window was judged, so what judges it is not compiled")
    keys = np.arange(MANY).astype(np.uint64)
    HashIndex(keys).find(keys)
    Reader(FormatSettings(), config.max_record_bytes).translate(lines, np.zeros(len(lines), bool))
    for step in chain.from_iterable(pipeline.steps.values()):
        step.snapshot()  # the models are River's, which takes a second to load
    _compare()
    kafka_records.find_records(np.frombuffer(b"", np.uint8), np.zeros((4, 0), np.int64), cut=False)


def _measure(cohorts: Cohorts) -> None:
    """Measure, compare and look up cohorts as if they were campaigns."""
    measure.measure(cohorts)
    window = cohorts.window
    innocent, first = np.ones(len(window.orgs), np.bool_), np.zeros(1, np.int64)
    groups = likeness.Groups(window, cohorts.matrix, cohorts.object, innocent)
    groups.compare(first, first)
    groups.likeness(Kind.TEMPLATE, 0, 0)
    membership.weights(groups.profile(Kind.TEMPLATE), first, np.ones(1))
    Objects(window).top(Kind.TEMPLATE, window.of_orgs("key"), 1)


def _compare() -> None:
    """What only campaigns reach: groups compared by their profiles."""
    starts, objects, requests = np.array([0, 1, 2], np.int32), np.zeros(2, np.int32), np.ones(2)
    shares = matrix_sums.row_shares(starts, requests, matrix_sums.row_totals(starts, requests))
    divergence.over_share(requests, requests)
    splits, mass = (np.zeros((1, 1), np.int64), np.zeros((1, 1))), np.zeros((1, 3), np.int64)
    half_spaces.add(np.zeros((1, 1)), splits, mass)
    half_spaces.masses(np.zeros((1, 1)), splits, mass, 0.0)
    cells = sp.csr_matrix((requests, objects, starts), shape=(2, 1))
    no_columns = np.full(1, -1, np.int32)
    membership.mean_weight((starts, objects, shares), no_columns, np.ones((1, 1)))
    order_statistics.medians_of_rows(cells, np.ones((2, 1)))
    order_statistics.medians(cells, np.ones(1))
    order_statistics.median(objects)
    group_by.count_among(np.zeros(0, np.uint64), np.zeros(0, np.uint64), objects)
    overlap.divide(np.zeros(1, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), 1)


def _event(number: int, hop: int) -> bytes:
    return msgspec.json.encode(
        {
            "event_id": f"event-{hop}-{number}",
            "timestamp_ms": BEGIN_MS + hop * STEP_MS,
            "account_id": f"account-{number}-{hop // 4}",
            "account_created_ms": BEGIN_MS,
            "model": "model",
            "input_tokens": 1,
            "output_tokens": 1,
            "status": "ok",
            "client_ip": "192.0.2.1",
            "prompt_text": f"Translate the sentence number {number} into French, please.",
        }
    )


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="analyzer: %(message)s")
    compile_all()
