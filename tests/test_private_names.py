"""Every private name of another library that the product uses, and that the library still has it.

A name that is used and not in the table fails, and so does one that is in the table and not used.
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer import fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from faust.transport.consumer import Consumer
from faust.transport.drivers import aiokafka as driver
from numba.core.options import TargetOptions
from numba.core.registry import CPUDispatcher
from river.anomaly import HalfSpaceTrees

import analyzer

READ: dict[str, list[type]] = {
    "_aborted_transactions": [fetcher.PartitionRecords],
    "_client": [AIOKafkaAdminClient, AIOKafkaConsumer, fetcher.Fetcher],
    "_closed": [AIOKafkaConsumer, fetcher.Fetcher],
    "_coordinator": [AIOKafkaConsumer],
    "_create_fetch_waiter": [fetcher.Fetcher],
    "_do_commit_offsets": [GroupCoordinator],
    "_fetch_max_wait_ms": [AIOKafkaConsumer],
    "_fetcher": [AIOKafkaConsumer],
    "_first_window": [HalfSpaceTrees],
    "_group_id": [AIOKafkaConsumer],
    "_isolation_level": [AIOKafkaConsumer],
    "_metadata_update": [AIOKafkaClient],
    "_partition_records": [fetcher.FetchResult],
    "_proc_fetch_request": [fetcher.Fetcher],
    "_records": [fetcher.Fetcher],
    "_subscriptions": [fetcher.Fetcher],
}
"""Read or replaced on an object of the library (marked SLF001), and who has it."""
INHERITED: dict[str, type] = {
    "_buffered_partitions": Consumer,
    "_create_consumer": driver.AIOKafkaConsumerThread,
    "_ensure_consumer": driver.AIOKafkaConsumerThread,
    "_new_producer": driver.Producer,
    "_read_offset": Consumer,
    "_thread": driver.Consumer,
    "_to_message": driver.Consumer,
    "_wait_next_records": Consumer,
}
"""Called or overridden by our subclasses of Faust's transport."""
PACKAGE = Path(str(analyzer.__file__)).parent


def has(owner: type, name: str) -> bool:
    """Whether it is an attribute of the class or one that its code sets or names."""
    return hasattr(owner, name) or any(
        f"self.{name}" in inspect.getsource(base)
        for base in owner.__mro__[:-1]
        if _has_source(base)
    )


def _has_source(owner: type) -> bool:
    try:
        return bool(inspect.getsource(owner))
    except (OSError, TypeError):
        return False


def marked() -> set[str]:
    """Private names on the lines of the product that are marked as such."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text("utf-8")
        lines = {n for n, line in enumerate(text.splitlines(), 1) if "SLF001" in line}
        for node in ast.walk(ast.parse(text)) if lines else ():
            if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
                own = isinstance(node.value, ast.Name) and node.value.id == "self"
                if node.lineno in lines and not own:
                    found.add(node.attr)
    return found


def test_the_table_is_complete() -> None:
    """Neither more nor less than what is marked in the code."""
    assert marked() == READ.keys()


@pytest.mark.parametrize("name", READ)
def test_a_name_that_is_read_is_there(name: str) -> None:
    """In every class that it is read from."""
    for owner in READ[name]:
        assert has(owner, name), f"{owner.__module__}.{owner.__name__}.{name}"


@pytest.mark.parametrize("name", INHERITED)
def test_a_name_that_is_inherited_is_there_and_used(name: str) -> None:
    """In Faust's class, and in our driver."""
    assert has(INHERITED[name], name)
    assert name in (PACKAGE / "stream" / "transport" / "driver.py").read_text("utf-8")


def test_numba_takes_the_option_that_counts_no_references() -> None:
    """``_nrt`` of ``numba.njit``."""
    options = CPUDispatcher.targetdescr.options
    assert issubclass(options, TargetOptions)
    assert hasattr(options, "_nrt")
