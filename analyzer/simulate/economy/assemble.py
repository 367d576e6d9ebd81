"""From what was emitted to finished requests: order, limits, retries, prompts, sizes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analyzer.simulate.draws import F64, I64, U64, Rng, mix, unit
from analyzer.simulate.economy.world import NONE, TRAFFIC, World

STATUSES = ("ok", "error", "refused", "rate_limited")
OK, ERROR, REFUSED, LIMITED = range(4)
_MINUTE_H = 1 / 60


@dataclass(frozen=True, slots=True)
class Requests:
    """Finished requests in the order of time; arrays of shape (n,)."""

    ts_ms: I64
    account: I64
    template: I64
    ip: I64
    client: I64
    params: I64
    prompt: U64
    chat: I64
    model: I64
    status: I64
    input_tokens: I64
    output_tokens: I64
    reasoning_tokens: I64
    latency_ms: I64
    operation: I64
    """Operation that dispatched the request, or -1."""
    work: I64
    """1 for extraction, 0 for cover and for everybody else's requests."""

    def __len__(self) -> int:
        return len(self.ts_ms)


Block = dict[str, np.ndarray]


def assemble(world: World, start_ms: int) -> Requests:
    """Complete and order all traffic of a world."""
    rng = world.rng_of("assemble")
    block: Block = {
        name: np.concatenate([part[name] for part in world.traffic]) for name in TRAFFIC
    }
    block = _ordered(block)
    block["prompt"] = _prompts(world, rng, block)
    status = _statuses(world, rng, block)
    again, its_status = _retries(world, rng, block, status)
    status = np.r_[status, its_status]
    block = {name: np.r_[values, again[name]] for name, values in block.items()}
    order = np.argsort(block["time"], kind="stable")
    return _finished(world, rng, {k: v[order] for k, v in block.items()}, status[order], start_ms)


def _ordered(block: Block) -> Block:
    order = np.argsort(block["time"], kind="stable")
    return {name: values[order] for name, values in block.items()}


def _prompts(world: World, rng: Rng, block: Block) -> U64:
    """A prompt's digest: of a known item, of an own earlier prompt, or of a new one."""
    n = len(block["time"])
    account = block["account"]
    habit = rng.random(n) < world.habit("repeat")[account]
    some = mix(account, np.floor(rng.random(n) ** 2 * 12).astype(np.int64), 81)
    prompt = np.where(habit, some, mix(np.arange(n), world.seed, 82))
    return np.where(block["item"] >= 0, mix(block["item"], world.seed, 83), prompt)


def _statuses(world: World, rng: Rng, block: Block) -> I64:
    """Limits by account and minute, refusals, errors, and incidents that hit everybody."""
    s = world.structure
    n = len(block["time"])
    minute = np.floor(block["time"] / _MINUTE_H).astype(np.int64)
    key = block["account"] * (1 << 20) + minute
    order = np.argsort(key, kind="stable")
    firsts = np.r_[True, np.diff(key[order]) != 0]
    starts = np.flatnonzero(firsts)
    rank = np.empty(n, np.int64)
    rank[order] = np.arange(n) - np.repeat(starts, np.diff(np.r_[starts, n]))
    volume = np.bincount(block["account"], minlength=len(world.labels)) / world.hours
    limit = np.maximum(world.habit("tier"), volume * 0.4)
    error = np.full(n, s.errors)
    for _ in range(s.incidents):
        begin, length = rng.uniform(0, world.hours), rng.uniform(0.1, 1.5)
        error[(block["time"] >= begin) & (block["time"] < begin + length)] = rng.uniform(0.1, 0.5)
    draw = rng.random(n)
    status = np.where(draw < error, ERROR, OK)
    status[(draw >= error) & (draw < error + s.refused)] = REFUSED
    overload = rng.random(n) < 0.002
    status[overload | (rank >= limit[block["account"]])] = LIMITED
    return status


def _retries(world: World, rng: Rng, block: Block, status: I64) -> tuple[Block, I64]:
    """What is sent again: by kits on the same account, by relays on another one."""
    failed = np.flatnonzero((status == ERROR) | (status == LIMITED))
    relay = block["relay"][failed]
    share = np.array([r.failover for r in world.relays] + [0.0])[relay]
    over = rng.random(len(failed)) < share
    own = ~over & (rng.random(len(failed)) < world.habit("retries")[block["account"][failed]])
    again = {name: values[failed].copy() for name, values in block.items()}
    again["account"][over], found = _others(block, failed[over])
    over[over] = found
    keep = over | own
    delay = np.where(over, rng.exponential(4, len(failed)), rng.exponential(15, len(failed)))
    again["time"] = again["time"] + (0.4 + delay) / 3600
    keep &= again["time"] < world.hours
    moved = over & keep
    for name in ("ip", "client"):
        again[name] = _as_before(block, name, again, failed, moved)
    status_again = np.where(rng.random(len(failed)) < 0.06, LIMITED, OK)
    return {name: values[keep] for name, values in again.items()}, status_again[keep]


def _others(block: Block, rows: I64) -> tuple[I64, np.ndarray]:
    """Another account of the same relay that works at about that time."""
    relay = block["relay"]
    mine = np.flatnonzero(relay != NONE)
    line = mine[np.argsort(relay[mine], kind="stable")]
    place = np.empty(len(relay), np.int64)
    place[line] = np.arange(len(line))
    account = block["account"][rows].copy()
    found = np.zeros(len(rows), bool)
    for step in (3, 1, 7, 2, 13, 5):
        near = line[np.minimum(place[rows] + step, len(line) - 1)] if len(line) else rows
        fits = ~found & (relay[near] == relay[rows]) & (block["account"][near] != account)
        account[fits] = block["account"][near[fits]]
        found |= fits
    return account, found


def _as_before(
    block: Block,
    name: str,
    again: Block,
    failed: I64,
    moved: np.ndarray,
) -> I64:
    """Address and client with which the new account was last seen."""
    last = np.full(int(block["account"].max()) + 1, NONE)
    last[block["account"]] = block[name]
    return np.where(moved, last[again["account"]], block[name][failed])


def _finished(world: World, rng: Rng, block: Block, status: I64, start_ms: int) -> Requests:
    account = block["account"]
    n = len(account)
    params = np.where(block["params"] >= 0, block["params"], world.habit("params")[account])
    stray = (rng.random(n) < 0.05) & (block["params"] < 0)
    params[stray] = world.parameters.usual(rng, int(stray.sum()))
    into, out, think, latency = _sizes(world, rng, block, status, params)
    second = unit(account, np.floor(block["time"] / 9).astype(np.int64), 91) < 0.2
    usual = np.where(second, world.habit("client_2")[account], world.habit("client")[account])
    operation = np.array([r.operation for r in world.relays] + [NONE])[block["relay"]]
    return Requests(
        ts_ms=start_ms + np.floor(block["time"] * 3_600_000).astype(np.int64),
        account=account, template=block["template"], ip=block["ip"],
        client=np.where(block["client"] >= 0, block["client"], usual), params=params,
        prompt=block["prompt"], chat=block["chat"], model=_models(world, rng, block),
        status=status, input_tokens=into, output_tokens=out, reasoning_tokens=think,
        latency_ms=latency, operation=operation, work=block["work"],
    )  # fmt: skip


def _models(world: World, rng: Rng, block: Block) -> I64:
    """Models 0 to 2 from the start, 3 after its release, adopted by and by."""
    time, account = block["time"], block["account"]
    since = time - world.structure.release_h
    moved = (since > world.habit("adopts")[account]) & (rng.random(len(time)) < 0.7)
    return np.where(
        block["model"] >= 0, block["model"], np.where(moved, 3, world.habit("model")[account])
    )


def _sizes(
    world: World, rng: Rng, block: Block, status: I64, params: I64
) -> tuple[I64, I64, I64, I64]:
    """Input, output and reasoning tokens, and latency."""
    account, template = block["account"], block["template"]
    n = len(account)
    relayed = block["relay"] != NONE  # a queue's work does not hang on the account that sends it
    doer = np.where(relayed, -1 - block["relay"], -(1 << 30) - account)
    what = np.where(template == NONE, doer, template)
    bigger, longer = (
        np.where(relayed, 0.0, world.habit(name)[account]) for name in ("bigger", "longer")
    )

    def bell(salt: int) -> F64:
        pieces = [unit(what, salt + k) for k in range(3)]
        return np.asarray((pieces[0] + pieces[1] + pieces[2] - 1.5) * 2)

    into = np.exp(
        6.4 + 1.0 * bell(101) + bigger + rng.normal(0, 0.6, n)
        + 0.35 * np.minimum(block["turn"], 12) ** 0.7
    ).clip(3, 180_000)  # fmt: skip
    long_mu = 4.9 + 0.8 * bell(111) + longer + block["longer"]
    out = np.exp(long_mu + rng.normal(0, 0.75, n))
    out = np.minimum(out, world.parameters.limits()[params]).clip(1, 32_000)
    served = status == OK
    out = np.where(served, out, 0)
    think = np.where(served & (unit(what, 121) < 0.3), out * rng.gamma(2, 0.4, n), 0)
    latency = 150 + into * 0.02 + (out + think) * rng.uniform(8, 22, n) + rng.gamma(2, 60, n)
    return (
        into.astype(np.int64), out.astype(np.int64), think.astype(np.int64),
        latency.astype(np.int64),
    )  # fmt: skip
