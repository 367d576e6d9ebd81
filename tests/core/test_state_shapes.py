"""What a step saves has a shape; who changes it gives it another version.

``pytest tests/core/test_state_shapes.py --write-golden`` keeps the new shape with its version.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from analyzer.core.config import CoreConfig
from analyzer.core.kernels.packed_arrays import Parts
from analyzer.core.pipeline import Judging, Pipeline, Sharding
from analyzer.simulate import generate
from analyzer.testing.reference_run import raw_batch

KEPT = Path(__file__).parent / "state_shapes.json"
PARTS = 5
"""Of a packed array: dtype, shape, least, kept dtype, bytes."""
STEPS = ("account", "cohort", "campaign", "judging")


@functools.cache
def shapes() -> dict[str, Any]:
    """Version and shape of each step's state, in the middle of a small world."""
    lines = list(generate("smoke", 5).lines())
    pipeline = Pipeline(CoreConfig(), Sharding(cohort_shards=2))
    pipeline.feed(0, raw_batch(lines))
    steps = {name: found[0] for name, found in pipeline.steps.items() if name != "ingest"}
    steps["judging"] = Judging(CoreConfig(), Sharding())
    return {name: shape_of_state(step.snapshot()) for name, step in steps.items()}


def shape_of_state(data: bytes) -> dict[str, Any]:
    """Version, and what a state is made of, without its numbers."""
    _, version, state = msgspec.msgpack.decode(data, ext_hook=_array)
    return {"version": version, "shape": shape(state)}


def _array(_code: int, data: memoryview) -> str:
    dtype, dimensions, *_ = msgspec.msgpack.decode(data, type=Parts)
    return f"<{dtype}, {len(dimensions)} dimensions>"


def shape(value: Any) -> Any:
    """Names and types; maps whose keys are data, and lists, as what all their values have."""
    if isinstance(value, dict):
        readings = all(isinstance(part, float) for part in value.values())
        if not readings and all(isinstance(k, str) and k.isidentifier() for k in value):
            return {key: shape(value[key]) for key in sorted(value)}
        return {"*": merged([shape(part) for part in value.values()])}
    if isinstance(value, list):
        if len(value) == PARTS and isinstance(value[-1], bytes):  # a packed array
            return f"<{value[0]}, {len(value[1])} dimensions>"
        return [merged([shape(part) for part in value])]
    if isinstance(value, str) and value.startswith("<"):
        return value
    return "number" if isinstance(value, int | float) else type(value).__name__


def merged(parts: list[Any]) -> Any:
    """The shape that all have, or all different ones, in order."""
    different = {orjson.dumps(part): part for part in parts}
    found = [different[key] for key in sorted(different)]
    return found[0] if len(found) == 1 else found


def alike(one: Any, other: Any) -> bool:
    """Whether two shapes can be of one kind of state: what is empty or None may be anything."""
    if "NoneType" in (one, other) or not one or not other:
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return all(any(alike(a, b) for b in other) for a in one)
    if isinstance(one, list) or isinstance(other, list):
        parts, single = (one, other) if isinstance(one, list) else (other, one)
        return any(alike(part, single) for part in parts)
    return bool(one == other)


@pytest.mark.parametrize("step", STEPS)
def test_a_changed_shape_has_another_version(step: str, pytestconfig: pytest.Config) -> None:
    """Else a worker would read what another version has saved as something that it is not."""
    if pytestconfig.getoption("--write-golden", default=False):
        KEPT.write_bytes(orjson.dumps(shapes(), option=orjson.OPT_INDENT_2) + b"\n")
    kept, now = orjson.loads(KEPT.read_bytes())[step], shapes()[step]
    if not alike(now["shape"], kept["shape"]):
        assert now["version"] != kept["version"], f"raise STATE_VERSION of the {step} step"
    assert now["version"] == kept["version"], f"keep the new {step} state by --write-golden"


def test_shapes_tell_names_and_types() -> None:
    """A renamed field, another type and another dtype are other shapes; other numbers are not."""
    state = {"a": 1, "b": ["x", "y"], "c": {7: 1.5}, "d": "<int64, 1 dimensions>"}
    assert shape(state) == shape(state | {"a": 2, "b": ["z"], "c": {8: 0.5, 9: 1.0}})
    others = ({"a": "1"}, {"b": [1]}, {"d": "<int32, 1 dimensions>"}, {"e": 1})
    assert all(not alike(shape(state | other), shape(state)) for other in others)
    assert alike(shape(state | {"b": [], "a": None}), shape(state))
