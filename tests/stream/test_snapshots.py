"""Snapshots: whatever is killed and whoever still writes, the highest cover comes back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.errors import Broken, StateError
from analyzer.stream import snapshots
from analyzer.stream.fakes import MemoryLog, WriteFailedError
from analyzer.stream.pages import PAGE_BYTES, Manifest
from analyzer.stream.snapshots import Restored, SnapshotStore

TOPIC = "a" * 32


def store(log: MemoryLog, nonce: str = "n", topic_id: str = TOPIC) -> SnapshotStore:
    """A store over the log, with a nonce that tests can name."""
    return SnapshotStore(log, topic_id=topic_id, nonce=nonce)


def test_nothing_saved_is_nothing_restored() -> None:
    """An empty partition restores to None."""
    assert asyncio.run(store(MemoryLog()).load()) is None


@pytest.mark.parametrize("size", [0, 1, PAGE_BYTES, PAGE_BYTES + 1, 3 * PAGE_BYTES + 7])
def test_any_size_comes_back(size: int) -> None:
    """A state of any size is restored byte for byte."""
    state = bytes(i % 251 for i in range(size))

    async def scenario() -> Restored | None:
        log = MemoryLog()
        first = store(log)
        await first.load()
        await first.retire(await first.save(state, 42))
        log.compact()
        return await store(log, "m").load()

    assert asyncio.run(scenario()) == Restored(state, 42, TOPIC)


def test_unchanged_pages_are_not_written_again() -> None:
    """Of two pages one changes: the second snapshot writes one page and one manifest."""

    async def scenario() -> int:
        log = MemoryLog()
        owner = store(log)
        await owner.load()
        await owner.save(b"a" * PAGE_BYTES + b"b", 1)
        before = len(log.entries)
        await owner.save(b"a" * PAGE_BYTES + b"c", 2)
        return len(log.entries) - before

    assert asyncio.run(scenario()) == 2


def test_after_retiring_only_the_last_snapshot_is_left() -> None:
    """Tombstones remove every key that the new manifest does not name."""

    async def scenario() -> tuple[int, Restored | None]:
        log = MemoryLog()
        owner = store(log)
        await owner.load()
        await owner.save(b"one", 1)
        await owner.retire(await owner.save(b"two", 2))
        log.compact()
        return len(log.entries), await store(log, "m").load()

    assert asyncio.run(scenario()) == (2, Restored(b"two", 2, TOPIC))


def test_a_zombie_that_writes_last_does_not_win() -> None:
    """The predecessor writes its snapshot after its successor's; the higher cover is restored."""

    async def scenario() -> Restored | None:
        log = MemoryLog()
        zombie, successor = store(log, "z"), store(log, "s")
        await zombie.load()
        await zombie.save(b"at 5", 5)
        await successor.load()
        manifest = await successor.save(b"at 9", 9)
        await zombie.save(b"at 7", 7)
        await successor.retire(manifest)
        log.compact()
        return await store(log, "t").load()

    assert asyncio.run(scenario()) == Restored(b"at 9", 9, TOPIC)


def test_a_missing_page_is_loud(monkeypatch: pytest.MonkeyPatch) -> None:
    """Manifests without their pages stop the owner instead of starting from nothing."""
    monkeypatch.setattr(snapshots, "READ_AGAIN_AFTER_S", 0.0)

    async def scenario() -> None:
        log = MemoryLog()
        owner = store(log)
        await owner.load()
        await owner.save(b"state", 1)
        log.entries = [entry for entry in log.entries if entry[0].endswith(b"/manifest")]
        await store(log, "m").load()

    with pytest.raises(Broken, match="none is complete"):
        asyncio.run(scenario())


def test_another_format_is_a_state_error() -> None:
    """A snapshot of a later version is refused, so that its owner can rebuild."""
    manifest = Manifest(1, "n", 1, 1, TOPIC, [], format=99)
    log = MemoryLog([(manifest.key, msgspec.msgpack.encode(manifest))])
    with pytest.raises(StateError, match="another format"):
        asyncio.run(store(log).load())


def test_a_snapshot_of_the_topic_that_is_there_wins() -> None:
    """After the source topic was made anew, its low cover beats the old topic's high one."""

    async def scenario() -> Restored | None:
        log = MemoryLog()
        old, new = store(log, "o"), store(log, "n", "b" * 32)
        await old.load()
        await old.save(b"old", 900)
        await new.load()
        await new.save(b"new", 3)
        return await store(log, "m", "b" * 32).load()

    assert asyncio.run(scenario()) == Restored(b"new", 3, "b" * 32)


@dataclass
class Owner:
    """What the model knows of one owner."""

    store: SnapshotStore
    cover: int
    history: list[tuple[int, bytes]] = field(default_factory=list)


OWNER_ACTS = st.sampled_from(["open", "save", "zombie", "crash", "compact"])


@given(acts=st.lists(st.tuples(OWNER_ACTS, st.integers(0, 6)), max_size=25))
def test_an_accepted_snapshot_is_never_lost(acts: list[tuple[str, int]]) -> None:
    """Whatever owners do, what is restored is a whole state not below the accepted one."""
    asyncio.run(_drama(acts))


async def _drama(acts: list[tuple[str, int]]) -> None:
    log, truth, accepted = MemoryLog(), dict[int, bytes](), -1
    owners: list[Owner] = []
    for i, (act, n) in enumerate([("open", 0), *acts, ("open", 0)]):
        if act == "compact":
            log.compact()
            continue
        if act == "open":
            fresh = store(log, f"n{i}")
            found = await fresh.load()
            cover = -1 if found is None else found.cover
            assert cover >= accepted
            assert found is None or truth[cover] == found.state
            owners.append(Owner(fresh, max(cover, 0)))
            continue
        ruler = owners[-1]
        owner = owners[n % len(owners)] if act == "zombie" else ruler
        owner.cover += 1 + n
        truth[owner.cover] = f"state at {owner.cover}".encode() * 3
        log.fail_after = n % 2 if act == "crash" else None
        try:
            manifest = await owner.store.save(truth[owner.cover], owner.cover)
        except WriteFailedError:
            owners.append(Owner(fresh := store(log, f"c{i}"), 0))
            log.fail_after = None
            found = await fresh.load()
            owners[-1].cover = 0 if found is None else found.cover
            assert owners[-1].cover >= accepted
            continue
        finally:
            log.fail_after = None
        if owner is ruler:
            accepted = owner.cover
            await owner.store.retire(manifest)
