"""Arrays as plain data and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from analyzer.core.kernels.packed_arrays import FEW, array_of, array_parts

DTYPES = st.sampled_from(("<i4", "<i8", "<u4", "<u8", "<f8", "|b1"))
SHAPES = arrays.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=2 * FEW)


@given(DTYPES.flatmap(lambda dtype: arrays.arrays(dtype, SHAPES)))
def test_an_array_comes_back_as_it_was(array: NDArray[Any]) -> None:
    """Whatever its numbers, from the least to the greatest of its dtype."""
    back = array_of(*array_parts(array))
    assert (array.dtype, array.shape) == (back.dtype, back.shape)
    np.testing.assert_array_equal(array, back)


@pytest.mark.parametrize(
    ("span", "size"), [(0, 1), (255, 1), (256, 2), (65_536, 4), (2**32 - 1, 4), (2**32, 8)]
)
@pytest.mark.parametrize("least", [-(2**63), -5, 0, 2**63 - 1 - 2**32])
def test_integers_take_no_more_bytes_than_their_span_needs(
    span: int, size: int, least: int
) -> None:
    """One, two, four or eight bytes each, wherever the numbers lie."""
    array = np.full(FEW, least)
    array[0] += span
    parts = array_parts(array)
    assert size * FEW == len(parts[-1])
    np.testing.assert_array_equal(array, array_of(*parts))


@pytest.mark.parametrize(
    "parts",
    [
        ("<i8", [2], 0, "|u1", b"abc"),
        ("<f8", [1], 0, "|u1", b"a"),
        ("<i8", [1], 2**64, "|u1", b"a"),
        ("<i8", [1], 0, "|O", b"12345678"),
        ("nonsense", [1], 0, "|u1", b"a"),
    ],
)
def test_what_is_no_array_is_refused(parts: tuple[str, list[int], int, str, bytes]) -> None:
    """Damaged parts are an error that the readers of blocks and of state expect."""
    with pytest.raises((ValueError, TypeError, OverflowError)):
        array_of(*parts)
