"""Snapshots: whatever is killed and whoever still writes, the highest cover comes back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.errors import StateError
from analyzer.stream.state import snapshots
from analyzer.stream.state.pages import PAGE_BYTES, Manifest
from analyzer.stream.state.snapshots import SnapshotStore
from analyzer.testing.snapshot_fakes import MemoryLog, WriteFailedError

TOPIC = "a" * 32


def store(log: MemoryLog, nonce: str = "n", topic_id: str = TOPIC) -> SnapshotStore:
    """A store over the log, with a nonce that tests can name."""
    return SnapshotStore(log, topic_id=topic_id, nonce=nonce)


class Restored(NamedTuple):
    """What came back."""

    state: bytes
    cover: int
    topic_id: str


async def best(owner: SnapshotStore) -> Restored | None:
    """The snapshot that the owner finds when it takes over."""
    states: list[bytes] = []
    manifest = await owner.load(states.append)
    return None if manifest is None else Restored(states[-1], manifest.cover, manifest.topic_id)


def test_nothing_saved_is_nothing_restored() -> None:
    """An empty partition restores to None."""
    assert asyncio.run(best(store(MemoryLog()))) is None


@pytest.mark.parametrize("size", [0, 1, PAGE_BYTES, PAGE_BYTES + 1, 3 * PAGE_BYTES + 7])
def test_any_size_comes_back(size: int) -> None:
    """A state of any size is restored byte for byte."""
    state = bytes(i % 251 for i in range(size))

    async def scenario() -> Restored | None:
        log = MemoryLog()
        first = store(log)
        await best(first)
        await first.retire(await first.save(state, 42))
        log.compact()
        return await best(store(log, "m"))

    assert asyncio.run(scenario()) == Restored(state, 42, TOPIC)


def test_unchanged_pages_are_not_written_again() -> None:
    """Of two pages one changes: the second snapshot writes one page and one manifest."""

    async def scenario() -> int:
        log = MemoryLog()
        owner = store(log)
        await best(owner)
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
        await best(owner)
        await owner.save(b"one", 1)
        await owner.retire(await owner.save(b"two", 2))
        log.compact()
        return len(log.entries), await best(store(log, "m"))

    assert asyncio.run(scenario()) == (2, Restored(b"two", 2, TOPIC))


def test_a_zombie_that_writes_last_does_not_win() -> None:
    """The predecessor writes its snapshot after its successor's; the higher cover is restored."""

    async def scenario() -> Restored | None:
        log = MemoryLog()
        zombie, successor = store(log, "z"), store(log, "s")
        await best(zombie)
        await zombie.save(b"at 5", 5)
        await best(successor)
        manifest = await successor.save(b"at 9", 9)
        await zombie.save(b"at 7", 7)
        await successor.retire(manifest)
        log.compact()
        return await best(store(log, "t"))

    assert asyncio.run(scenario()) == Restored(b"at 9", 9, TOPIC)


@pytest.fixture
def _hastily(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "READ_AGAIN_AFTER_S", 0.0)


@pytest.mark.usefixtures("_hastily")
def test_a_missing_page_is_told() -> None:
    """Manifests without their pages are not taken for an empty partition."""

    async def scenario() -> None:
        log = MemoryLog()
        owner = store(log)
        await best(owner)
        await owner.save(b"state", 1)
        log.entries = [entry for entry in log.entries if entry[0].endswith(b"/manifest")]
        await best(store(log, "m"))

    with pytest.raises(StateError, match="lacks pages"):
        asyncio.run(scenario())


@pytest.mark.usefixtures("_hastily")
def test_another_format_is_a_state_error() -> None:
    """A snapshot of a later version is refused, so that its owner can rebuild."""
    manifest = Manifest(1, "n", 1, 1, TOPIC, [], format=99)
    log = MemoryLog([(manifest.key, msgspec.msgpack.encode(manifest))])
    with pytest.raises(StateError, match="another version"):
        asyncio.run(best(store(log)))


@pytest.mark.parametrize("spoil", ["state", "page", "manifest"])
def test_the_next_best_comes_back_if_the_best_is_spoilt(spoil: str) -> None:
    """A state that nobody can read, a page or a manifest overwritten: the one before is taken."""

    async def scenario() -> list[bytes]:
        log, taken = MemoryLog(), list[bytes]()
        owner = store(log)
        await best(owner)
        await owner.save(b"five", 5)
        manifest = await owner.save(b"nine", 9)
        junk = {"page": manifest.pages[0].key, "manifest": manifest.key}
        if spoil in junk:
            await log.write([(junk[spoil], b"junk")])

        def restore(state: bytes) -> None:
            taken.append(state)
            if state == b"nine":
                raise StateError("of another version")

        found = await store(log, "m").load(restore)
        assert found is not None
        assert found.cover == 5
        return taken

    assert asyncio.run(scenario()) == ([b"nine", b"five"] if spoil == "state" else [b"five"])


JUNK: list[tuple[bytes, bytes | None]] = [
    (b"junk", b"junk"),
    (b"junk/manifest", b"junk"),
    (b"9" * 40 + b"-x/1/manifest", b"\x91" * 100_000),
    (b"1-x/1/manifest", msgspec.msgpack.encode(["no", "manifest"])),
    (b"1-x/1/0", None),
]


def test_junk_is_passed_and_removed() -> None:
    """What is no snapshot harms none, and goes when the next one was accepted."""

    async def scenario() -> tuple[int, Restored | None]:
        log = MemoryLog()
        owner = store(log)
        await best(owner)
        await owner.save(b"state", 5)
        await log.write(JUNK)
        successor = store(log, "s")
        assert await best(successor) == Restored(b"state", 5, TOPIC)
        await successor.retire(await successor.save(b"later", 7))
        log.compact()
        return len(log.entries), await best(store(log, "m"))

    assert asyncio.run(scenario()) == (2, Restored(b"later", 7, TOPIC))


def test_a_snapshot_of_the_topic_that_is_there_wins() -> None:
    """After the source topic was made anew, its low cover beats the old topic's high one."""

    async def scenario() -> Restored | None:
        log = MemoryLog()
        old, new = store(log, "o"), store(log, "n", "b" * 32)
        await best(old)
        await old.save(b"old", 900)
        await best(new)
        await new.save(b"new", 3)
        return await best(store(log, "m", "b" * 32))

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
            found = await best(fresh)
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
            found = await best(fresh)
            owners[-1].cover = 0 if found is None else found.cover
            assert owners[-1].cover >= accepted
            continue
        finally:
            log.fail_after = None
        if owner is ruler:
            accepted = owner.cover
            await owner.store.retire(manifest)
