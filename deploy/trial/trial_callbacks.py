"""What the proxy is given: keys of our own, and its log in a file."""

from __future__ import annotations

import json
import os
from typing import Any

from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy._types import UserAPIKeyAuth


async def user_api_key_auth(request: Any, api_key: str) -> UserAPIKeyAuth:
    """A key ``sk-NAME`` is that of the customer NAME."""
    del request
    if not api_key.startswith("sk-"):
        raise ValueError("no such key")
    name = api_key.removeprefix("sk-")
    return UserAPIKeyAuth(api_key=api_key, user_id=name, team_id=f"team-{name}")


class ToFile(CustomLogger):
    """The proxy's StandardLoggingPayload as it is, a line each."""

    def __init__(self) -> None:
        super().__init__()
        self._file = open(os.environ["TRIAL_LOG"], "a", encoding="utf-8", buffering=1)  # noqa: SIM115, PTH123 - open for the proxy's life

    async def async_log_success_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        """Write the payload of an answer."""
        del response_obj, start_time, end_time
        self._write(kwargs)

    async def async_log_failure_event(
        self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any
    ) -> None:
        """Write the payload of a failure."""
        del response_obj, start_time, end_time
        self._write(kwargs)

    def _write(self, kwargs: Any) -> None:
        self._file.write(json.dumps(kwargs.get("standard_logging_object"), default=str) + "\n")


to_file = ToFile()
