"""From columns to lines: NDJSON of ``llm.request.v1``.

What belongs to an account, a block, a client and so on is written to JSON once, as a
fragment; an event is a few fragments joined.
"""

from __future__ import annotations

from dataclasses import asdict
from itertools import starmap
from typing import TYPE_CHECKING

import numpy as np
import orjson

from analyzer.simulate import catalogue
from analyzer.simulate.assemble import STATUSES, Columns
from analyzer.simulate.draws import I64, hex_ids, mix
from analyzer.simulate.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.simulate.ground import Ground
    from analyzer.simulate.people import Personas

_ROWS = 50_000
_LINE = (
    '{{"schema_version":1,"event_id":"{}","timestamp_ms":{},{},{}{}{},{},'
    '"input_tokens":{},"output_tokens":{},{}{}{}}}\n'
).format
_FIELD = {
    name: at for at, name in enumerate(("account", "org", "api_key", "payment", "signup"), 41)
}


def opaque(seed: int, kind: str, numbers: I64) -> list[str]:
    """Ids that tell nothing: 16 hexadecimal digits from a keyed hash."""
    return hex_ids(mix(numbers, seed, _FIELD[kind]))


def account_ids(ground: Ground) -> list[str]:
    """The account ids of a world, by account number."""
    return [
        "acct-" + text for text in opaque(ground.seed, "account", np.arange(ground.people.count))
    ]


def _inner(fields: dict[str, object], lacks: frozenset[str]) -> str:
    """JSON of the fields that are given, without the braces."""
    given = {key: v for key, v in fields.items() if v is not None and key not in lacks}
    return orjson.dumps(given).decode()[1:-1]


def _after(fragment: str) -> str:
    return "," + fragment if fragment else ""


class Writer:
    """Fragments of one world, ready to be joined."""

    def __init__(self, ground: Ground) -> None:
        people = ground.people.all()
        self._seed = ground.seed
        self._gateway = people.gateway
        self._lacks = [gateway.lacks for gateway in catalogue.GATEWAYS]
        self._accounts = _accounts(ground, people)
        self._blocks = [_blocks(ground, lacks) for lacks in self._lacks]
        self._clients = [
            [_after(_inner(asdict(client), lacks)) for client in catalogue.CLIENTS]
            for lacks in self._lacks
        ]
        names = hex_ids(mix(np.arange(ground.templates.count), ground.seed, 51))
        self._templates = [f',"prompt_template_id":"tpl-{name}"' for name in names] + [""]
        self._models = [f'"model":"{name}"' for name in catalogue.MODELS]
        self._texts = Texts.of(ground.seed, ground.templates.column("kin").astype(np.int64))
        self._samplings = [
            _after(_inner({**asdict(s), "share": None}, frozenset())) for s in catalogue.SAMPLINGS
        ]

    def lines(self, columns: Columns) -> Iterator[bytes]:
        """Every request as one line of JSON with its line feed, in order."""
        for begin in range(0, len(columns.ts_ms), _ROWS):
            text = map(str.encode, self._rows(columns, slice(begin, begin + _ROWS), begin))
            yield from text

    def chunks(self, columns: Columns) -> Iterator[bytes]:
        """The same lines, many to a piece."""
        for begin in range(0, len(columns.ts_ms), _ROWS):
            yield "".join(self._rows(columns, slice(begin, begin + _ROWS), begin)).encode()

    def _rows(self, c: Columns, rows: slice, begin: int) -> Iterator[str]:
        n = len(c.ts_ms[rows])
        account = c.account[rows].tolist()
        gateway = self._gateway[c.account[rows]].tolist()
        return starmap(
            _LINE,
            zip(
                hex_ids(mix(np.arange(begin, begin + n), self._seed, 52)),
                c.ts_ms[rows].tolist(),
                [self._accounts[a] for a in account],
                [
                    self._blocks[g][b] + hosts
                    for g, b, hosts in zip(
                        gateway, c.block[rows].tolist(), self._hosts(c, rows, gateway), strict=True
                    )
                ],
                [
                    self._clients[g][k]
                    for g, k in zip(gateway, c.client[rows].tolist(), strict=True)
                ],
                self._template_fragments(c, rows, gateway),
                [self._models[m] for m in c.model[rows].tolist()],
                c.input_tokens[rows].tolist(),
                c.output_tokens[rows].tolist(),
                self._outcomes(c, rows, gateway),
                [self._samplings[s] for s in c.sampling[rows].tolist()],
                self._prompts(c, rows, gateway),
                strict=True,
            ),
        )

    def _hosts(self, c: Columns, rows: slice, gateway: list[int]) -> list[str]:
        without = ["client_ip" in lacks for lacks in self._lacks]
        return [
            "" if without[g] else f'{host}"'
            for g, host in zip(gateway, c.host[rows].tolist(), strict=True)
        ]

    def _template_fragments(self, c: Columns, rows: slice, gateway: list[int]) -> list[str]:
        without = ["prompt_template_id" in lacks for lacks in self._lacks]
        return [
            "" if without[g] else self._templates[t]
            for g, t in zip(gateway, c.template[rows].tolist(), strict=True)
        ]

    def _prompts(self, c: Columns, rows: slice, gateway: list[int]) -> list[str]:
        without = ["prompt_hash" in lacks for lacks in self._lacks]
        fragments = [
            "" if without[g] else f',"prompt_hash":"{text}"'
            for g, text in zip(gateway, hex_ids(c.prompt[rows]), strict=True)
        ]
        texts = np.flatnonzero(np.array(gateway) == catalogue.TEXT_GATEWAY)
        prompts = self._texts.prompts(c.template[rows][texts], c.prompt[rows][texts])
        for at, text in zip(texts.tolist(), prompts, strict=True):
            fragments[at] = f',"prompt_text":{orjson.dumps(text).decode()}'
        return fragments

    def _outcomes(self, c: Columns, rows: slice, gateway: list[int]) -> list[str]:
        status = [f'"status":"{name}"' for name in STATUSES]
        brief = ["latency_ms" in lacks for lacks in self._lacks]
        return [
            status[s]
            if brief[g]
            else f'{status[s]},"latency_ms":{ms}'
            + (f',"reasoning_tokens":{think}' if think else "")
            for g, s, ms, think in zip(
                gateway,
                c.status[rows].tolist(),
                c.latency_ms[rows].tolist(),
                c.reasoning_tokens[rows].tolist(),
                strict=True,
            )
        ]


def _accounts(ground: Ground, people: Personas) -> list[str]:
    seed = ground.seed
    numbers = np.arange(len(people))
    columns = zip(
        account_ids(ground),
        opaque(seed, "org", people.org),
        people.created_ms.tolist(),
        opaque(seed, "api_key", numbers),
        opaque(seed, "payment", people.payment),
        opaque(seed, "signup", people.signup),
        people.gateway.tolist(),
        strict=True,
    )
    return [
        _inner(
            {
                "account_id": account,
                "org_id": "org-" + org,
                "account_created_ms": created,
                "api_key_id": "key-" + key,
                "payment_ref": "pay-" + payment,
                "signup_ref": "sgn-" + signup,
            },
            catalogue.GATEWAYS[gateway].lacks,
        )
        for account, org, created, key, payment, signup, gateway in columns
    ]


def _blocks(ground: Ground, lacks: frozenset[str]) -> list[str]:
    plan = ground.plan
    return [
        f'"asn":{asn},"country":"{country}",' + _address(prefix, whole="client_ip" not in lacks)
        for prefix, asn, country in zip(plan.prefix, plan.asn, plan.country, strict=True)
    ]


def _address(prefix: str, *, whole: bool) -> str:
    """Fragment of a block: open for a host number if the address is whole."""
    if whole:
        return f'"client_ip":"{prefix}'
    network = prefix + "/48" if prefix.endswith(":") else prefix + "0/24"
    return f'"ip_prefix":"{network}"'
