"""Functions compiled to machine code at their first call; later processes find them on disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., Any])

AHEAD = 16
"""Rows between asking memory for one and reading it: the time of a few reads from afar."""


def compiled(function: F) -> F:
    """The same function of numbers and arrays, compiled by Numba.

    Such a function is for what numpy has no whole-column operation for: reading text byte
    by byte and looking up hash tables. Signed and unsigned integers must not meet in an
    expression. What is kept on disk is kept by the age of the function's own file: whoever
    changes a function deletes the ``*.nbi`` of the files that call it.
    """
    return _compiled(function, counts=True)


def borrowing(function: F) -> F:
    """As :func:`compiled`, for what such a function calls for each row or byte.

    It makes no array and leaves those that it is given to its caller: Numba would count a
    reference to each of them at every call, which takes longer than the call. (One that does
    make an array fails to compile.)
    """
    return _compiled(function, counts=False)


def calling(function: F) -> F:
    """As :func:`borrowing`, for what is long or called from many places.

    It stays a function of its own, where the others are copied into each caller: so compiling
    takes a fraction of the time.
    """
    return _compiled(function, counts=False, inline=False)


def _compiled(function: F, *, counts: bool, inline: bool = True) -> F:
    options = {"nogil": True, "error_model": "numpy", "_nrt": counts}
    try:
        fast: F = numba.njit(cache=True, forceinline=inline, **options)(function)
    except RuntimeError:  # no folder to keep it in: compiled anew in each process
        fast = numba.njit(**options)(function)
    return fast


def _word_at(_context: Any, text: Any, at: Any) -> Any:

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        address = builder.gep(array.data, [arguments[1]])
        return builder.load(builder.bitcast(address, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(text, at), code


def _put_word(_context: Any, text: Any, at: Any, _word: Any) -> Any:

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        address = builder.gep(array.data, [arguments[1]])
        builder.store(arguments[2], builder.bitcast(address, ir.IntType(64).as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(text, at, types.uint64), code


def _folded_product(_context: Any, _one: Any, _other: Any) -> Any:

    def code(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        word, wide = ir.IntType(64), ir.IntType(128)
        product = builder.mul(*(builder.zext(number, wide) for number in arguments))
        high = builder.trunc(builder.lshr(product, wide(64)), word)
        return builder.xor(builder.trunc(product, word), high)

    return types.uint64(types.uint64, types.uint64), code


def _zeros_below(_context: Any, _word: Any) -> Any:

    def code(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.IntType(1)(1))

    return types.int64(types.uint64), code


def _ones(_context: Any, _word: Any) -> Any:

    def code(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), code


def _ask_for(_context: Any, array: Any, at: Any) -> Any:

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        row = context.cast(builder, arguments[1], signature.args[1], types.intp)
        place = [row] + [context.get_constant(types.intp, 0)] * (kind.ndim - 1)
        values = context.make_array(kind)(context, builder, arguments[0])
        address = cgutils.get_item_pointer(context, builder, kind, values, place)
        address = builder.bitcast(address, ir.IntType(8).as_pointer())
        call = ir.FunctionType(ir.VoidType(), [address.type] + [ir.IntType(32)] * 3)
        name = "llvm.prefetch.p0i8"
        prefetch = cgutils.get_or_insert_function(builder.module, call, name)
        reading, often, data = (ir.IntType(32)(number) for number in (0, 3, 1))
        builder.call(prefetch, [address, reading, often, data])
        return context.get_dummy_value()

    return types.void(array, at), code


word_at: Callable[[NDArray[np.uint8], int], np.uint64] = intrinsic(_word_at)
"""Eight bytes as a number, the first one the least; they may lie anywhere."""
put_word: Callable[[NDArray[np.uint8], int, np.uint64], None] = intrinsic(_put_word)
"""Write a number as eight bytes, as :data:`word_at` reads them."""
folded_product: Callable[[np.uint64, np.uint64], np.uint64] = intrinsic(_folded_product)
"""Both halves of the 128-bit product, one laid over the other by exclusive or."""
zeros_below: Callable[[np.uint64], int] = intrinsic(_zeros_below)
"""Number of zero bits below the lowest one that is set."""
ones: Callable[[np.uint64], int] = intrinsic(_ones)
"""Number of bits that are set."""
ask_for: Callable[[NDArray[Any], int], None] = intrinsic(_ask_for)
"""Have the processor fetch the start of a row that will be read soon; it need not be there."""
