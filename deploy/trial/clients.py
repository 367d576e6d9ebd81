"""Customers, an evaluation and an operation, by the OpenAI SDK."""

from __future__ import annotations

import asyncio
import random  # noqa: TID251 - seeded below; the proxy's environment has no numpy
import sys

from openai import AsyncOpenAI, OpenAIError

CUSTOMERS, OPERATION, SECONDS = 200, 60, 150
THOUGHT_S = 0.3
"""Between two questions of a customer: some five minutes of event time."""
TOPICS = ("invoices", "recipes", "lessons", "letters", "tickets", "songs", "contracts", "trips")


async def ask(url: str, key: str, address: str, system: str, user: str, *, stream: bool) -> None:
    """One request; a failure is the customer's bad luck."""
    headers = {"x-forwarded-for": address}
    client = AsyncOpenAI(base_url=url, api_key=key, max_retries=0, default_headers=headers)
    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    try:
        answer = await client.chat.completions.create(
            model="large", messages=messages, stream=stream, temperature=0.7
        )
        if stream:
            async for _ in answer:
                pass
    except OpenAIError:
        pass
    finally:
        await client.close()


def plan(rng: random.Random) -> list[tuple[float, str, str, str, str]]:
    """When, key, address, system prompt and question of every request."""
    found = []
    for n in range(CUSTOMERS):
        topic = TOPICS[n % len(TOPICS)]
        system = f"You help the customers of shop {n} with {topic}. Be kind, and brief."
        place = f"198.51.{n % 250}.{1 + n % 200}"
        for _ in range(rng.randint(2, 5)):  # people sit down to work, and get up again
            at = rng.uniform(0, SECONDS)
            for _ in range(rng.randint(1, 5)):
                at += rng.expovariate(1 / THOUGHT_S)
                question = f"About {topic} number {rng.randint(1, 10**6)}: what do you advise?"
                found.append((at, f"sk-customer-{n}", place, system, question))
    for n in range(400):
        question = f"Question {n % 50}: which of the four answers is right?"
        found.append(
            (n * SECONDS / 400, "sk-evaluation", "203.0.113.9", "Answer A to D.", question)
        )
    system = "You are an expert teacher. Think step by step and write out all of your reasoning."
    for n in range(1_500):
        key = f"sk-op-{rng.randrange(OPERATION)}"
        place = f"192.0.{2 + rng.randrange(6)}.{1 + rng.randrange(250)}"
        question = f"Problem {n} of the queue: derive the result and explain."
        found.append((SECONDS * (0.4 + 0.6 * rng.random()), key, place, system, question))
    return sorted(found)


async def main(url: str) -> None:
    """Send everything at its time."""
    rng = random.Random(7)  # noqa: S311 - the same trial every time
    room, loop = asyncio.Semaphore(24), asyncio.get_running_loop()
    start = loop.time()

    async def one(at: float, key: str, place: str, system: str, user: str) -> None:
        await asyncio.sleep(max(0.0, start + at - loop.time()))
        async with room:
            await ask(url, key, place, system, user, stream=len(user) % 3 == 0)

    await asyncio.gather(*(one(*each) for each in plan(rng)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
