#!/usr/bin/env python3
"""Writes golden_incidents.json: generated count series and the incidents the reference model finds in them.

Rerun (numpy and scipy are needed; the seeds are fixed, so the file only changes with the model):

    python3 -m venv .venv && .venv/bin/pip install numpy scipy
    .venv/bin/python tests/data/golden_incidents.py PATH/TO/detector_model.py > tests/data/golden_incidents.json

A series is a list of numbers: a negative one is that many empty buckets, any other is the count of
the next bucket. `expect` holds [start, detected, end] in buckets from the beginning of the series;
an incident that is still open ends where the series does.
"""
import importlib.util, json, sys
import numpy as np

spec = importlib.util.spec_from_file_location("model", sys.argv[1])
M = importlib.util.module_from_spec(spec)
spec.loader.exec_module(M)
DAY = M.DAY


def pack(x):
    out, gap = [], 0
    for v in x:
        if v == 0:
            gap += 1
            continue
        if gap:
            out.append(-gap)
            gap = 0
        out.append(int(v))
    return out


CASES = []


def case(name, x, kind, traffic=None, clients=None):
    x = np.asarray(x, dtype=int)
    found = M.detect(x, kind, traffic=traffic, clients=clients)
    CASES.append(dict(
        name=name, kind=kind, buckets=len(x), counts=pack(x),
        served=None if traffic is None else pack(traffic),
        clients=None if clients is None else pack(np.where(x > 0, clients, 0)),
        expect=[[int(v) for v in f] for f in found]))


def plant(rng, x, kind_of):
    at = rng.uniform(0, len(x) * 5 - 60)
    size, length = {
        "small": (int(rng.integers(12, 60)), rng.uniform(5, 60)),
        "large": (int(rng.integers(100, 900)), rng.uniform(20, 300)),
        "slow": (int(rng.integers(30, 90)), rng.uniform(300, 900)),
        "days": (int(rng.integers(600, 4000)), rng.uniform(1500, 6000)),
    }[kind_of]
    M.burst(rng, x, at, size, length)


def main():
    # Every noise shape, without and with faults of every shape.
    for k, (name, (gen, kind, cl)) in enumerate(M.NOISE.items()):
        dense = name.startswith("waf 800")
        for i in range(5 if dense else 12):
            rng = np.random.default_rng(40_000 + 100 * k + i)
            x = np.array(gen(rng, int(rng.integers(3, 6 if dense else 19)) * DAY), dtype=int)
            for what in [(), ("small",), ("large",), ("small", "large"), ("slow", "small"), ("days",)][i % 6]:
                plant(rng, x, what)
            case(f"{name} #{i}", x, kind, clients=cl(x) if cl else None)
    # A level that rises and stays: the longest incidents, and the new normal.
    for i in range(16):
        rng = np.random.default_rng(50_000 + i)
        x = M.trickle(rng, int(rng.integers(8, 13)) * DAY, .15)
        at = int(rng.integers(DAY // 2, 5 * DAY))
        x[at:] += rng.poisson(rng.uniform(1, 6), len(x) - at)
        case(f"a level that rises #{i}", x, ["fault", "enforcement"][i % 2])
    # Excess in pieces: close, reopen, close.
    for i in range(24):
        rng = np.random.default_rng(60_000 + i)
        x = M.trickle(rng, 6 * DAY, rng.uniform(.01, .6))
        at = rng.uniform(0, 5 * 1440)
        for _ in range(int(rng.integers(2, 7))):
            M.burst(rng, x, at, int(rng.integers(15, 200)), rng.uniform(3, 60))
            at += rng.uniform(20, 240)
        case(f"in pieces #{i}", x, ["fault", "enforcement"][i % 2])
    # Address counts about the floors.
    for i in range(24):
        rng = np.random.default_rng(70_000 + i)
        x = M.roaming(rng, 10 * DAY, 1.5)
        plant(rng, x, ["small", "large", "slow"][i % 3])
        clients = np.minimum(x, rng.integers(1, [6, 12][i % 2], len(x)))
        case(f"addresses #{i}", x, ["fault", "enforcement"][i % 2], clients=clients)
    # Traffic that surges and takes the refusals with it, with and without a fault in the surge.
    for i in range(16):
        rng = np.random.default_rng(80_000 + i)
        T = 5 * DAY
        c = M.cycle(T)
        a = 2 * DAY + int(rng.integers(0, 2 * DAY))
        c[a:a + 36] *= rng.uniform(2, 8)
        x, traffic = rng.poisson(.6 * c), rng.poisson(40 * c)
        if i % 2:
            M.burst(rng, x, a * 5 + rng.uniform(-600, 600), 150, 60)
        case(f"surge #{i}", x, "enforcement", traffic=traffic)
    # The very first hours.
    for i in range(24):
        rng = np.random.default_rng(90_000 + i)
        x = M.trickle(rng, int(rng.integers(40, 2 * DAY)), rng.uniform(0, .5)) if i % 3 else np.zeros(DAY, int)
        M.burst(rng, x, rng.uniform(0, len(x) * 5), int(rng.integers(15, 300)), rng.uniform(5, 400))
        case(f"first hours #{i}", x, ["fault", "enforcement"][i % 2])
    print(json.dumps(CASES, separators=(",", ":")).replace('{"name"', '\n{"name"'))


if __name__ == "__main__":
    main()
