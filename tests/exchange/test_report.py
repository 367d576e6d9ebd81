"""The page of a report opens from disk in a real browser and says what was found, no more."""

from __future__ import annotations

import html
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from click.testing import CliRunner

from analyzer.cli import app
from analyzer.exchange.labels import positives
from analyzer.exchange.page import page_of
from analyzer.exchange.pictures import activity, objects
from analyzer.exchange.report import figures_of
from analyzer.exchange.traffic import traffic_of
from analyzer.settings import Settings

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed here")
HOSTILE = (
    "</script><script>console.error('owned')</script><img src=x onerror=console.error(1)>\u2028"
)


def opened(page: Path, width: int, *, dark: bool = False) -> tuple[str, list[str]]:
    """What the browser made of the page at that width, and what its console said."""
    command = [
        str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
        f"--user-data-dir={page.parent / 'profile'}", f"--window-size={width},900",
        *(["--blink-settings=preferredColorScheme=0"] if dark else []),
        "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout.partition('<script type="application/json"')[0], console


@needs_browser
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_the_page_says_what_was_found(world: Any, width: int, *, dark: bool) -> None:
    """Every sentence of the last alert, every picture, and no word on the console."""
    shown, console = opened(world.page, width, dark=dark)
    assert console == []
    text = html.unescape(shown)
    told = world.alerts[-1]
    for reading in (*told.signals, *told.counter_evidence):
        assert reading.evidence[1:] in text
    for condition in told.verdict:
        assert condition.sentence[1:] in text
    for title in ("Campaigns over time", "What a threshold would do", "Members over time",
                  "Members by object", "What was taken"):  # fmt: skip
        assert title in text
    assert shown.count("<canvas") == 2 * len({alert.campaign_id for alert in world.alerts})
    assert "[object" not in text


@needs_browser
def test_names_are_never_markup(world: Any, tmp_path: Path) -> None:
    """Scripts and images in names of accounts, templates and sources stay text."""
    figures = msgspec.json.encode(figures_of(Path(world.out), Settings.load(None)))
    account = world.members[0].account_id
    name = orjson.dumps(account + HOSTILE).decode()[1:-1].encode()
    page = tmp_path / "hostile.html"
    page.write_bytes(page_of(figures.replace(account.encode(), name)))
    shown, console = opened(page, 800)
    assert console == []
    assert "<img" not in shown
    assert html.escape("<img src=x", quote=False) in shown
    assert shown.count("<script") == 0


def test_the_page_asks_nothing_of_any_network(world: Any) -> None:
    """No address of a script, style, font or picture, and a policy that would forbid it."""
    page = world.page.read_text("utf-8")
    head = page.partition('<script type="application/json"')[0]
    assert "default-src 'none'" in head
    assert "http" not in head.replace("http-equiv", "")
    script = page.rpartition("<script>")[2]
    for way in ("fetch(", "XMLHttpRequest", "import(", "innerHTML", "eval(", "http"):
        assert way not in script


def test_pictures_are_of_the_requests(world: Any) -> None:
    """Their cells add up to the requests of the accounts they show."""
    names = {member.account_id for member in world.members}
    traffic = traffic_of((world.file,), names, Settings.load(None))
    picture = activity(traffic)
    shown = [e for e in world.of(names) if e["account_id"] in picture.rows]
    assert sum(count for _, _, count in picture.cells) == len(shown)
    picture = objects(traffic)
    cells = {(picture.rows[r], picture.columns[c]): n for r, c, n in picture.cells}
    for (account, column), count in cells.items():
        if column.startswith("prompt template tpl-"):
            template = column.removeprefix("prompt template ")
            used = [e for e in world.of({account}) if e.get("prompt_template_id") == template]
            assert count == len(used)
    assert any(column.startswith("address block ") for column in picture.columns)


def test_labels_give_precision_and_recall(world: Any, tmp_path: Path) -> None:
    """Half of the members labelled, and one account that nobody found."""
    names = sorted(m.account_id for m in world.members if m.state == "member")
    labelled = names[: len(names) // 2]
    shapes = {
        "simulated": orjson.dumps({"campaigns": [{"accounts": [*labelled, "unfound"]}]}),
        "labels": orjson.dumps(
            {"labels": dict.fromkeys([*labelled, "unfound"], "campaign:1") | {"x": "benign"}}
        ),
        "plain": "\n".join([*labelled, "unfound"]).encode(),
    }
    for shape, data in shapes.items():
        (tmp_path / shape).write_bytes(data)
        assert positives(tmp_path / shape) == {*labelled, "unfound"}
    result = CliRunner().invoke(
        app, ["report", world.out, "--json", "--labels", str(tmp_path / "plain")]
    )
    found = orjson.loads(result.output)
    assert found["positives"] == len(labelled) + 1
    assert [score["positives"] for score in found["scores"]] == [len(labelled)]
    assert [score["members"] for score in found["scores"]] == [len(names)]


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"campaigns": 3}', b"\xff\xfe"])
def test_what_are_no_labels_is_refused(world: Any, tmp_path: Path, data: bytes) -> None:
    """With what would do instead, and no page."""
    (tmp_path / "labels").write_bytes(data)
    page = tmp_path / "page.html"
    words = ["report", world.out, "--out", str(page), "--labels", str(tmp_path / "labels")]
    result = CliRunner().invoke(app, words)
    assert "give" in str(result.exception)
    assert not page.exists()
