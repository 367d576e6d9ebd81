"""Values that nobody expects, for property tests: any JSON, put into any place of a record."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
"""Whatever JSON can hold."""


def mutate(tree: Any, data: st.DataObject) -> None:
    """Put anything into one place, wherever it is."""
    while True:
        if isinstance(tree, dict) and tree:
            key: Any = data.draw(st.sampled_from(sorted(tree)))
        elif isinstance(tree, list) and tree:
            key = data.draw(st.integers(0, len(tree) - 1))
        else:
            return
        if not isinstance(tree[key], dict | list) or data.draw(st.booleans()):
            tree[key] = data.draw(json_values)
            return
        tree = tree[key]
