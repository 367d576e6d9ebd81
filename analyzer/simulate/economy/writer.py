"""From finished requests to NDJSON of ``llm.request.v1``, and to the truth beside it.

What belongs to an account, a block, a client or a set of parameters is written to JSON once,
as a fragment; an event is a few fragments joined.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import orjson

from analyzer.simulate.draws import I64, hex_ids, mix
from analyzer.simulate.economy.assemble import OK, STATUSES, Requests
from analyzer.simulate.economy.world import NONE, World

MODELS = ("frontier-1", "frontier-1-mini", "coder-2", "frontier-2")
_ROWS = 50_000


def account_ids(world: World) -> list[str]:
    """Ids of the accounts, by number."""
    numbers = np.arange(len(world.labels))
    return ["acct-" + text for text in hex_ids(mix(numbers, world.seed, 201))]


def _inner(fields: dict[str, object], lacks: frozenset[str]) -> str:
    """JSON of what is given, with a comma after it if there is anything."""
    given = {k: v for k, v in fields.items() if v is not None and k not in lacks}
    return orjson.dumps(given).decode()[1:-1] + "," if given else ""


class Lines:
    """The lines of a world.

    Parameters
    ----------
    world, requests
        What is to be written.
    start_ms
        Epoch ms of hour 0.
    """

    def __init__(self, world: World, requests: Requests, start_ms: int) -> None:
        self._world, self._requests = world, requests
        self._lacks = world.structure.lacks
        self._gateway = world.habit("gateway")
        first = np.full(len(world.labels), np.inf)
        np.minimum.at(first, requests.account, requests.ts_ms)
        self._accounts = _accounts(world, first, start_ms)
        self._blocks = [self._places(lacks) for lacks in self._lacks]
        self._whole = ["client_ip" not in lacks for lacks in self._lacks]
        self._programs = [
            [
                _inner({"user_agent": p.user_agent, "tls_ja4": p.tls_ja4}, lacks)
                for p in world.programs.all
            ]
            for lacks in self._lacks
        ]
        self._params = [[_inner(p, lacks) for p in world.parameters.all] for lacks in self._lacks]
        names = hex_ids(mix(np.arange(world.templates), world.seed, 202))
        self._templates = [f'"prompt_template_id":"tpl-{name}",' for name in names]

    def _places(self, lacks: frozenset[str]) -> list[str]:
        whole = "client_ip" not in lacks
        return [
            _inner({"asn": asn, "country": country}, lacks)
            + (f'"client_ip":"{start}' if whole else f'"ip_prefix":"{network}",')
            for start, network, asn, country in self._world.places.table()
        ]

    def __iter__(self) -> Iterator[bytes]:
        for begin in range(0, len(self._requests), _ROWS):
            yield "".join(self._chunk(begin, slice(begin, begin + _ROWS))).encode()

    def _chunk(self, begin: int, rows: slice) -> Iterator[str]:
        r = self._requests
        ids = hex_ids(mix(np.arange(begin, begin + len(r.ts_ms[rows])), self._world.seed, 203))
        columns = (
            r.ts_ms, r.account, self._gateway[r.account], r.ip // 256, r.ip % 256, r.client,
            r.params, r.model, r.status, r.input_tokens, r.output_tokens, r.template,
        )  # fmt: skip
        ends = self._ends(rows)
        lists = (c[rows].tolist() for c in columns)
        for id_, end, ts, a, g, b, host, client, params, model, status, into, out, t in zip(
            ids, ends, *lists, strict=True
        ):
            place = f'{self._blocks[g][b]}{host}",' if self._whole[g] else self._blocks[g][b]
            yield (
                f'{{{self._accounts[a]}"event_id":"{id_}","timestamp_ms":{ts},{place}'
                f'{self._programs[g][client]}"model":"{MODELS[model]}",{self._params[g][params]}'
                f'"input_tokens":{into},"output_tokens":{out},{self._template(g, t, id_)}{end}'
                f'"status":"{STATUSES[status]}"}}\n'
            )

    def _template(self, gateway: int, template: int, event: str) -> str:
        if "prompt_template_id" in self._lacks[gateway]:
            return ""
        if template != NONE:
            return self._templates[template]
        return (
            f'"prompt_template_id":"tpl-{event[::-1]}",' if self._world.structure.chat_ids else ""
        )

    def _ends(self, rows: slice) -> Iterator[str]:
        """Prompt, conversation, latency, reasoning and how it ended."""
        r, seed = self._requests, self._world.seed
        prompts = hex_ids(r.prompt[rows])
        chats = hex_ids(mix(r.chat[rows], seed, 204))
        limits = self._world.parameters.limits()[r.params[rows]]
        cut = r.output_tokens[rows] >= limits
        columns = (
            self._gateway[r.account[rows]], r.chat[rows], r.latency_ms[rows],
            r.reasoning_tokens[rows], r.status[rows], cut,
        )  # fmt: skip
        for prompt, chat, g, number, latency, think, status, short in zip(
            prompts, chats, *(c.tolist() for c in columns), strict=True
        ):
            lacks = self._lacks[g]
            text = "" if "prompt_hash" in lacks else f'"prompt_hash":"{prompt}",'
            if number != NONE and "conversation_id" not in lacks:
                text += f'"conversation_id":"conv-{chat}",'
            if "latency_ms" not in lacks:
                text += f'"latency_ms":{latency},'
            if think and "reasoning_tokens" not in lacks:
                text += f'"reasoning_tokens":{think},'
            if status == OK and "finish_reason" not in lacks:
                text += f'"finish_reason":"{"length" if short else "stop"}",'
            yield text


def _accounts(world: World, first_ms: np.ndarray, start_ms: int) -> list[str]:
    seed = world.seed
    created = start_ms + world.habit("created") * 3_600_000
    created = np.floor(np.minimum(created, first_ms - 45_000)).astype(np.int64)
    names = {
        name: hex_ids(mix(world.habit(name), seed, salt))
        for salt, name in enumerate(("org", "payment", "signup"), 211)
    }
    keys = hex_ids(mix(np.arange(len(world.labels)), seed, 214))
    paid = world.habit("payment") != NONE
    return [
        _inner(
            {
                "schema_version": 1, "account_id": account, "org_id": f"org-{names['org'][at]}",
                "account_created_ms": int(created[at]), "api_key_id": f"key-{keys[at]}",
                "payment_ref": f"pay-{names['payment'][at]}" if paid[at] else None,
                "signup_ref": f"sgn-{names['signup'][at]}",
            },
            world.structure.lacks[int(world.habit("gateway")[at])],
        )
        for at, account in enumerate(account_ids(world))
    ]  # fmt: skip


def extraction_times(requests: Requests, numbers: list[int]) -> dict[str, I64]:
    """Sorted times of each operation's extraction requests, epoch ms."""
    work = requests.work == 1
    return {
        str(number): requests.ts_ms[work & (requests.operation == number)] for number in numbers
    }
