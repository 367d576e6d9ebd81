"""A model server that answers nonsense of a plausible length: it streams, fails and limits."""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

from aiohttp import web

FAILS, LIMITS = 40, 90
"""One call in so many gets 500 or 429, by the digest of its body and the number of the try."""


class Server:
    """Counts how often each body came, so that a second try succeeds."""

    def __init__(self) -> None:
        self._tries: dict[str, int] = {}

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """Chat completions as OpenAI's."""
        raw = await request.read()
        body = json.loads(raw)
        digest = hashlib.sha256(raw).hexdigest()
        tries = self._tries[digest] = self._tries.get(digest, 0) + 1
        number = int(digest[:12], 16)
        if tries == 1 and number % FAILS == 0:
            return web.json_response({"error": {"message": "overloaded"}}, status=500)
        if tries == 1 and number % LIMITS == 1:
            return web.json_response({"error": {"message": "slow down"}}, status=429)
        prompt = json.dumps(body.get("messages"))
        words = 40 + number % 60 + (400 if "step by step" in prompt else 0)
        usage = {"prompt_tokens": len(prompt) // 4, "completion_tokens": words}
        usage["total_tokens"] = sum(usage.values())
        head = {"id": f"chatcmpl-{digest[:16]}{tries}", "created": 1, "model": body["model"]}
        if body.get("stream"):
            return await stream(request, head, words, usage)
        message = {"role": "assistant", "content": "word " * words}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        answer = head | {"object": "chat.completion", "choices": [choice], "usage": usage}
        return web.json_response(answer)


async def stream(
    request: web.Request, head: dict[str, Any], words: int, usage: dict[str, int]
) -> web.StreamResponse:
    """The answer in a few chunks."""
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    head = head | {"object": "chat.completion.chunk"}
    for part in range(4):
        delta = {"content": "word " * (words // 4 + 1)} if part < 3 else {}
        choice = {"index": 0, "delta": delta, "finish_reason": None if part < 3 else "stop"}
        chunk = head | {"choices": [choice]} | ({"usage": usage} if part == 3 else {})
        await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
    await response.write(b"data: [DONE]\n\n")
    return response


def main(port: int) -> None:
    """Serve until killed."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", Server().chat)
    web.run_app(app, host="127.0.0.1", port=port, print=None)


if __name__ == "__main__":
    main(int(sys.argv[1]))
