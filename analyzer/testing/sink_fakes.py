"""Sinks to test with: one that does as told, and a Slack on the loopback interface."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web
from aiokafka.errors import MessageSizeTooLargeError

from analyzer.errors import AnalyzerError, BadRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from analyzer.core.contracts.records import Alert
    from analyzer.sinks.digest import Digest

LIMITS = {"header": 150, "section": 3_000}
MAX_BLOCKS, MAX_FIELDS, MAX_FIELD = 50, 10, 2_000


class ListSink:
    """Keeps what it is given, after raising the errors that it was told to raise.

    Parameters
    ----------
    errors
        Raised one per call before anything is taken.
    """

    name = "list"

    def __init__(self, errors: list[Exception] | None = None) -> None:
        self.alerts: list[Alert] = []
        self.digests: list[Digest] = []
        self.errors = deque(errors or [])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to close."""

    async def deliver(self, alert: Alert) -> None:
        """Raise the next error or keep the alert."""
        if self.errors:
            raise self.errors.popleft()
        self.alerts.append(alert)

    async def deliver_digest(self, digest: Digest) -> None:
        """The same with a digest."""
        if self.errors:
            raise self.errors.popleft()
        self.digests.append(digest)


class BrokenSink(ListSink):
    """Fails for ever: with one error, or with what is no error of ours."""

    name = "broken"

    def __init__(self, error: AnalyzerError | None = None) -> None:
        super().__init__()
        self._error = error

    async def deliver(self, alert: Alert) -> None:
        """Fail."""
        raise self._error or ZeroDivisionError(alert.alert_id)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the fake Slack answers to one request."""

    status: int = 200
    body: str = "ok"
    retry_after: str | None = None
    hang_s: float = 0.0
    """Wait so long before answering, in seconds."""


class FakeSlack:
    """A webhook on a free port that answers as told, else takes what Slack would take.

    Examples
    --------
    >>> async def main():
    ...     async with FakeSlack() as slack:
    ...         return slack.url.startswith("http://127.0.0.1:")
    >>> asyncio.run(main())
    True
    """

    def __init__(self) -> None:
        self.accepted: list[dict[str, Any]] = []
        """Messages answered with 200."""
        self.attempts: list[float] = []
        """When each request came, in seconds of the event loop."""
        self.next: deque[Answer] = deque()
        """Answers to the next requests."""
        self.always: Answer | None = None
        """Answer to all further requests."""
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/services/T0/B0/secret", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/services/T0/B0/secret"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.attempts.append(asyncio.get_running_loop().time())
        body = await request.json()
        answer = self.next.popleft() if self.next else self.always or Answer()
        if answer.hang_s:
            await asyncio.sleep(answer.hang_s)
        if answer.status == 200:
            try:
                check(body)
            except BadRecord as error:
                return web.Response(status=400, text=str(error))
            self.accepted.append(body)
        headers = {} if answer.retry_after is None else {"Retry-After": answer.retry_after}
        return web.Response(status=answer.status, text=answer.body, headers=headers)


def check(body: dict[str, Any]) -> None:
    """Judge a message as Slack would.

    Raises
    ------
    BadRecord
        If it breaks a limit of Block Kit or calls somebody.
    """
    blocks = body.get("blocks", [])
    if not body.get("text") or not 0 < len(blocks) <= MAX_BLOCKS:
        raise BadRecord("invalid_blocks", f"{len(blocks)} blocks")
    for block in blocks:
        _check_block(block)
    text = json.dumps(body, ensure_ascii=False)
    for call in ("<!", "<@", "<#", "@here", "@channel", "@everyone"):
        if call in text.lower():
            raise BadRecord("calls_somebody", call)


def _check_block(block: dict[str, Any]) -> None:
    limit = LIMITS.get(block["type"], MAX_FIELD)
    if "text" in block:
        _check_text(block["text"], limit)
    parts = block.get("fields", []) + block.get("elements", [])
    if len(parts) > MAX_FIELDS:
        raise BadRecord("invalid_blocks", f"{len(parts)} fields")
    for part in parts:
        _check_text(part, MAX_FIELD)
    if block["type"] == "header" and block["text"]["type"] != "plain_text":
        raise BadRecord("invalid_blocks", "a header is plain text")


def _check_text(text: dict[str, Any], limit: int) -> None:
    if not 0 < len(text["text"]) <= limit:
        raise BadRecord("invalid_blocks", f"{len(text['text'])} characters; the limit is {limit}")


class FakeEndpoint:
    """An HTTP endpoint on a free port that keeps what it takes.

    Parameters
    ----------
    judge
        Raises :class:`BadRecord` for a body or headers that the real service would refuse; its
        answer is then 400.
    """

    def __init__(self, judge: Callable[[bytes, dict[str, str]], None]) -> None:
        self.accepted: list[Any] = []
        """Bodies answered with 202, decoded."""
        self.next: deque[Answer] = deque()
        """Answers to the next requests."""
        self.url = ""
        self._judge = judge
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=8 * 1_048_576)
        app.router.add_post("/in", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/in"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.next:
            answer = self.next.popleft()
            return web.Response(status=answer.status, text=answer.body)
        try:
            self._judge(body, dict(request.headers))
        except BadRecord as error:
            return web.Response(status=400, text=str(error))
        self.accepted.append(json.loads(body))
        return web.Response(status=202, text="{}")


class FakeProducer:
    """A producer that keeps what it is given; an async context manager."""

    def __init__(self, largest: int = 1_048_576) -> None:
        self.sent: list[tuple[str, bytes, bytes]] = []
        """Topic, key and value."""
        self._largest = largest

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to close."""

    async def send_and_wait(self, topic: str, value: bytes, *, key: bytes) -> None:
        """Keep the record, if it is no larger than a broker takes."""
        if len(value) > self._largest:
            raise MessageSizeTooLargeError(len(value))
        self.sent.append((topic, key, value))
