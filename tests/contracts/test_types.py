"""The schemas and the types of the code say the same, field by field and value by value."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LIMITS = ("minimum", "maximum", "minLength", "maxLength")
ADDED = {"verdict", "failures"}
"""Fields that came after version 1 was published: what was written before lacks them."""
SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x != int(x)),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text("ab", max_size=2), st.integers(), max_size=2),
)


def plain(schema: dict[str, Any], root: dict[str, Any], *, limits: bool) -> Any:
    """What a schema demands, without its words: comparable between two writers."""
    if "$ref" in schema:
        return plain(root["$defs"][schema["$ref"].split("/")[-1]], root, limits=limits)
    if "anyOf" in schema:
        [part] = [part for part in schema["anyOf"] if part != {"type": "null"}]
        return plain(part, root, limits=limits) | {"null": True}
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "enum" in schema or "const" in schema:
        words = schema.get("enum", [schema.get("const")])
        if not limits:
            return {"type": "string" if isinstance(words[0], str) else "integer"}
        return {"enum": sorted(words, key=str)}
    found: dict[str, Any] = {"type": next(k for k in kinds if k != "null")}
    found |= {"null": True} if "null" in kinds else {}
    found |= {k: schema[k] for k in LIMITS if k in schema} if limits else {}
    if "items" in schema:
        found["items"] = plain(schema["items"], root, limits=limits)
    if "properties" in schema:
        found["properties"] = {
            name: plain(field, root, limits=limits) for name, field in schema["properties"].items()
        }
        if limits:
            found["required"] = sorted(schema["required"])
    return found


def test_fields_are_the_same(contract: Any) -> None:
    """Same names, kinds and words; for what we read the same ranges and required fields too."""
    code = msgspec.json.schema(contract.type)
    ours = plain(contract.schema, contract.schema, limits=contract.read)
    assert ours == plain(code, code, limits=contract.read)


def test_words_are_the_same(contract: Any) -> None:
    """Where the code knows a closed list of words, the schema has the same."""
    code = msgspec.json.schema(contract.type)
    fields = code["$defs"][contract.type.__name__]["properties"]
    for name, field in fields.items():
        if "enum" in field:
            ours = contract.schema["properties"][name]
            assert sorted(ours.get("enum", [ours.get("const")])) == sorted(field["enum"]), name


def test_what_we_emit_is_closed(contract: Any) -> None:
    """Every field of version 1 is always there, no unknown one is; what we read may have more."""
    tables = [contract.schema, *contract.schema.get("$defs", {}).values()]
    for table in tables:
        assert table["additionalProperties"] is contract.read
        if not contract.read:
            assert set(table["required"]) == set(table["properties"]) - ADDED


@SLOW
@given(data=st.data())
def test_generated_records_are_taken_by_both(contract: Any, data: st.DataObject) -> None:
    """Whatever the fields and ranges allow, schema and type take, and decode(encode) is equal."""
    value = data.draw(_values(contract.schema, contract.schema))
    assert contract.accepts(value)
    record = msgspec.json.decode(msgspec.json.encode(value), type=contract.type)
    assert msgspec.json.decode(msgspec.json.encode(record), type=contract.type) == record


@SLOW
@given(data=st.data())
def test_both_judge_a_strange_value_alike(contract: Any, data: st.DataObject) -> None:
    """One field is lost or replaced by anything: schema and type agree on what we read."""
    if not contract.read:
        pytest.skip("types of what we write carry no ranges")
    value = data.draw(_values(contract.schema, contract.schema))
    name = data.draw(st.sampled_from(sorted(contract.schema["properties"])))
    if data.draw(st.booleans()):
        value.pop(name, None)
    else:
        value[name] = data.draw(JUNK)
    assert contract.accepts(value) == contract.decodes(value)


def _values(schema: dict[str, Any], root: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that the schema allows."""
    if "$ref" in schema:
        return _values(root["$defs"][schema["$ref"].split("/")[-1]], root)
    if "anyOf" in schema:  # only feedback's evidence, which an action may need
        return _values(schema["anyOf"][0], root)
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum", [schema.get("const")]))
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return st.one_of([_of_kind(kind, schema, root) for kind in kinds])


def _of_kind(kind: str, schema: dict[str, Any], root: dict[str, Any]) -> st.SearchStrategy[Any]:
    if kind == "object":
        fields = {name: _values(field, root) for name, field in schema["properties"].items()}
        needed = set(schema["required"]) | ({"evidence"} & set(fields))
        return st.fixed_dictionaries(
            {name: field for name, field in fields.items() if name in needed},
            optional={name: field for name, field in fields.items() if name not in needed},
        )
    if kind == "array":
        return st.lists(_values(schema["items"], root), max_size=min(2, schema.get("maxItems", 2)))
    low, high = schema.get("minimum"), schema.get("maximum")
    simple: dict[str, st.SearchStrategy[Any]] = {
        "null": st.none(),
        "boolean": st.booleans(),
        "integer": st.integers(low, high),
        "number": st.floats(low, high, allow_nan=False, allow_infinity=False),
        "string": _texts(schema),
    }
    return simple[kind]


def _texts(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    if "pattern" in schema:
        return st.from_regex(schema["pattern"].replace("$", r"\Z"))
    longest = min(40, schema.get("maxLength", 40))
    letters = st.characters(exclude_categories=["Cs"])
    return st.text(letters, min_size=schema.get("minLength", 0), max_size=longest)
