"""What every raw format promises."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from analyzer.errors import AnalyzerError, BadRecord
from analyzer.formats.compiled.recipe import Recipe
from analyzer.formats.draft import Draft


class UnfitError(AnalyzerError):
    """The record is of another format; the next one is asked."""


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A part of a record that is nobody's request to a model, and that is no fault."""

    reason: str
    """cache_hit, rejected_key, no_llm_call, message_event, inner_call or control."""


@dataclass(frozen=True, slots=True)
class Inner:
    """A record inside a record: whatever format it has, it is read in its own right."""

    value: bytes


Outcome = Draft | PassedOver | Inner | BadRecord
"""A ``BadRecord`` is one bad event beside good ones of the same record: given, not raised."""


@dataclass(frozen=True, slots=True)
class Paths:
    """Where a format's records hold what names differ in; dotted, the first that is there."""

    account: tuple[str, ...]
    organisation: tuple[str, ...] = ()
    address: tuple[str, ...] = ()
    more: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Other optional fields of the contract, each with its paths."""


@runtime_checkable
class HasRecipe(Protocol):
    """A format whose common records compiled code can read; none need."""

    def recipe(self) -> Recipe | None:
        """How its common records are read without Python objects; None if they can't be.

        What is read so is what ``read`` reads, to the byte; ``tests/formats/test_compiled.py``
        looks at every format that has a recipe.
        """
        ...


class Format(Protocol):
    """Reads the records of one kind of gateway.

    A format is pure and keeps nothing from one record to the next: it may be asked by any
    thread, twice, in any order, and says the same. It never blocks.
    """

    name: ClassVar[str]
    """As settings and ``--format`` write it."""
    marks: ClassVar[tuple[bytes, ...]]
    """Byte strings of which every record of this format has at least one, outside its texts."""
    paths: ClassVar[Paths]
    """Defaults; a setting may replace each of them."""
    losses: ClassVar[dict[str, str]]
    """Optional field of the contract that its records never hold → why not."""

    def __init__(self, paths: Paths, proxies: int) -> None: ...

    def read(self, record: bytes) -> Iterable[Outcome]:
        """Everything in the record, in its order; nothing is skipped without a ``PassedOver``.

        Raises
        ------
        UnfitError
            If the record is JSON but of another format.
        BadRecord
            If it is this format, or not JSON at all, and as a whole of no use.
        """
        ...
