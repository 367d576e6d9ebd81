"""Names as columns say what a dictionary would."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.core.kernels.interned_names import NameBook, Names

TEXTS = st.dictionaries(st.integers(0, 2**64 - 1), st.text(max_size=6), max_size=8)


@given(st.lists(TEXTS, max_size=5), st.lists(st.integers(0, 2**64 - 1), max_size=4))
def test_a_book_is_a_dictionary_that_never_changes_its_mind(
    parts: list[dict[int, str]], strangers: list[int]
) -> None:
    """What is known first stays; every hash is found, alone or among others, and no other."""
    book, expected = NameBook(), dict[int, str]()
    for part in parts:
        book.add(Names.of(part))
        expected = part | expected
    assert len(book) == len(expected)
    assert book.all().as_dict() == expected
    assert Names.joined(list(map(Names.of, parts))).as_dict() == expected
    asked = np.array([*expected, *strangers], np.uint64)
    assert book.texts(asked) == [expected.get(key, "") for key in asked.tolist()]
    assert book.of(asked).as_dict() == {k: expected[k] for k in asked.tolist() if k in expected}


@given(TEXTS)
def test_rows_can_be_taken_in_any_order(texts: dict[int, str]) -> None:
    """Backwards, and some of them twice."""
    names = Names.of(texts)
    rows = np.arange(len(names))[::-1]
    assert names.take(rows).texts() == list(texts.values())[::-1]
    assert names.take(np.concatenate([rows, rows])).as_dict() == texts


@pytest.mark.parametrize("stop", [[1], [1, 5], [5, 3], [4, 3], [-1, 3]], ids=str)
def test_places_outside_of_the_text_are_refused(stop: list[int]) -> None:
    """A damaged block must not make anybody read beyond its end."""
    text = np.frombuffer(b"abc", np.uint8)
    with pytest.raises(ValueError, match="do not fit"):
        Names(np.array([1, 2], np.uint64), np.array(stop), text)
