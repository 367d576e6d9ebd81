"""Posting JSON to one address: what every sink that speaks HTTP shares."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Annotated, Literal, Protocol, Self, runtime_checkable
from urllib.parse import urlsplit

import aiohttp
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from analyzer.core.contracts.records import SEVERITIES, Alert, Severity
from analyzer.errors import AddressRefused, RetryLater
from analyzer.settings_tables import is_this_machine, web_address
from analyzer.sinks.http_answers import raise_for


def _web_address(value: SecretStr) -> SecretStr:
    return SecretStr(web_address(value.get_secret_value(), plain=False, instead="…"))


Address = Annotated[SecretStr, AfterValidator(_web_address)]


class Choice(BaseModel):
    """Which alerts a sink takes; the other keys of its table are its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_severity: Severity = Field("medium", description="lesser alerts are not sent")
    kinds: tuple[str, ...] = Field((), description="only alerts of these kinds; none: all")
    timeout_s: float = Field(
        10.0, gt=0, le=3_600, description="an answer later than this counts as none"
    )

    def takes(self, alert: Alert) -> bool:
        """Whether the alert is for this sink."""
        severe = SEVERITIES.index(alert.severity) >= SEVERITIES.index(self.min_severity)
        return severe and (not self.kinds or alert.kind in self.kinds)


@runtime_checkable
class ChoosingSink(Protocol):
    """A sink that has its own choice of alerts, whatever the least severity of Slack."""

    choice: Choice


Who = Literal["PagerDuty", "Alertmanager", "The webhook"]


class Post:
    """One address to post to; an async context manager.

    Parameters
    ----------
    key
        Setting that holds the address, named when the other side refuses it.
    of_the_key
        As for :func:`~analyzer.sinks.http_answers.raise_for`.
    """

    def __init__(
        self,
        url: SecretStr,
        *,
        who: Who,
        key: str,
        timeout_s: float,
        of_the_key: re.Pattern[str] | None = None,
    ) -> None:
        self._url, self._who, self._key, self._of_the_key = url, who, key, of_the_key
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        host = urlsplit(self._url.get_secret_value()).hostname or ""
        self._session = aiohttp.ClientSession(
            timeout=self._timeout, trust_env=not is_this_machine(host)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Post a body of JSON; return when it was taken.

        Raises
        ------
        RetryLater, AddressRefused, BadRecord
            As :func:`~analyzer.sinks.http_answers.raise_for` says.
        """
        if self._session is None:
            raise RuntimeError("a sink is entered before it delivers")
        headers = {"Content-Type": "application/json", **(headers or {})}
        try:
            async with self._session.post(
                self._url.get_secret_value(),
                data=io.BytesIO(body),
                headers=headers,
                allow_redirects=False,
            ) as answer:
                text = (await answer.content.read(200)).decode("utf-8", "replace")
                after = answer.headers.get("Retry-After")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # The text of some of these holds the address, which may be a secret.
            raise RetryLater(f"{self._who} can't be reached ({type(error).__name__})") from None
        try:
            raise_for(
                answer.status, who=self._who, body=text, after=after, of_the_key=self._of_the_key
            )
        except AddressRefused as error:
            raise AddressRefused(f"{error}; set {self._key} anew") from None
