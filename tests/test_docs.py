"""What the documents say is so: commands, snippets, settings, lists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any, get_args

import click
import pytest
import zstandard

from analyzer.cli import app
from analyzer.core.contracts.feedback import decode_feedback
from analyzer.core.contracts.records import AlertKind
from analyzer.settings import Settings
from analyzer.simulate import generate

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md"))
TABLES = {
    name
    for name, field in Settings.model_fields.items()
    if hasattr(field.annotation, "model_fields")
}
"""Settings that hold others."""
SECTIONS = ("What happened", "Look at this in two minutes", "Do", "Do not", "Undo")


def commands() -> list[list[str]]:
    """Every command of ours in the README's shell blocks, as words."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    words = [shlex.split(line, comments=True) for line in lines]
    return [[w for w in line if "=" not in w or w.startswith("kafka")] for line in words if line]


def ours() -> list[list[str]]:
    """Those that call the analyzer, without the program's name."""
    return [line[1:] for line in commands() if line[:1] == ["analyzer"]]


def test_make_targets_are_there() -> None:
    """Every target that the README names, in blocks and in sentences."""
    named = set(re.findall(r"make ([a-z-]+)", README))
    made = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert {"run", "test"} <= named
    assert named <= made | {"are"}


@pytest.mark.parametrize("line", ours(), ids=" ".join)
def test_commands_are_understood(line: list[str]) -> None:
    """The command is there and knows each option."""
    context = click.Context(app)
    command = app.get_command(context, line[0])
    assert command is not None
    command.make_parser(context).parse_args(list(line[1:]))


def test_settings_are_there() -> None:
    """Every variable that the README names, and every dotted key in all documents."""
    keys = [name.lower().split("__") for name in re.findall(r"ANALYZER_([A-Z_]+)=", README)]
    for document in DOCUMENTS:
        dotted = re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)", document.read_text("utf-8"))
        keys += [key for name in dotted if (key := name.split("."))[0] in TABLES]
    for key in keys:
        where: object = Settings
        for part in key:
            fields = where.model_fields  # type: ignore[attr-defined] # a model at every level
            assert part in fields, key
            where = fields[part].annotation


def test_linked_files_are_there() -> None:
    """In the README and in every guide; files of ours that are named without a link as well."""
    for document in DOCUMENTS:
        text = document.read_text("utf-8")
        for link in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (document.parent / link).exists(), f"{document}: {link}"
        for name in re.findall(r"`([a-z_]+/[a-z_/]+\.(?:py|json|toml))", text):
            found = [(root / name).exists() for root in (ROOT, ROOT / "analyzer")]
            assert any(found) or name.startswith("fitted/"), f"{document}: {name}"


def test_examples_of_feedback_are_feedback() -> None:
    """Those that the runbooks give to copy."""
    text = (ROOT / "docs" / "runbooks" / "README.md").read_text("utf-8")
    examples = re.findall(r"```json\n(.*?)\n```", text, re.DOTALL)
    assert [decode_feedback(one.encode(), 65_536).action for one in examples] == ["label", "allow"]


def test_the_commands_on_files_run(
    command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of "Replay and tune", in an order in which each finds what it needs."""
    lines = list(generate("smoke", 5).lines())
    (tmp_path / "more.ndjson.zst").write_bytes(zstandard.compress(b"\n".join(lines[:200]) + b"\n"))
    (tmp_path / "tuned.toml").write_text("[core]\nalert_threshold = 0.6\n", "utf-8")
    (tmp_path / "verdicts.ndjson").write_text(
        '{"feedback_id":"1","target":{"type":"account","id":"a"},"verdict":"true_positive",'
        '"reason":"","author_ref":"me","created_ms":0,"schema_version":1}\n',
        "utf-8",
    )
    golden = ROOT / "tests" / "formats" / "golden" / "litellm.in.ndjson"
    (tmp_path / "gateway.log").write_bytes(golden.read_bytes())
    on_files = [line for line in ours() if not any(w.startswith("kafka:") for w in line)]
    monkeypatch.chdir(tmp_path)
    first = [line for line in on_files if line[0] == "simulate"]
    kinds = {"replay", "diff", "evaluate", "calibrate"}
    for line in first + [line for line in on_files if line[0] in kinds]:
        words = ["smoke" if word in {"hydra", "economy"} else word for word in line]
        done = command(*words)
        assert done.returncode == 0, (line, done.stderr)


def test_every_kind_of_alert_has_a_runbook() -> None:
    """With the same five sections, and a line in the list of them."""
    folder = ROOT / "docs" / "runbooks"
    listed = (folder / "README.md").read_text("utf-8")
    for kind in get_args(AlertKind):
        text = (folder / f"{kind}.md").read_text("utf-8")
        assert tuple(re.findall(r"^## (.*)$", text, re.MULTILINE)) == SECTIONS
        assert f"({kind}.md)" in listed


def test_every_decision_is_in_the_list() -> None:
    """Numbered without a gap, with a date and a state."""
    folder = ROOT / "docs" / "decisions"
    files = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    assert [int(path.name[:4]) for path in files] == list(range(1, len(files) + 1))
    listed = (folder / "README.md").read_text("utf-8")
    for path in files:
        title, _, date = path.read_text("utf-8").splitlines()[:3]
        assert f"]({path.name})" in listed
        assert title.startswith(f"# {path.name[:4]} ")
        assert re.fullmatch(r"\d{4}-\d{2}-\d{2} · (accepted|replaced by \d{4})", date)
