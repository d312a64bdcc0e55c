#!/usr/bin/env python3
"""Writes comparisons as LNT itself makes them, one JSON list per line, for TestLNTCompare_RecordedFromLNT.

    record-lnt-compare.py COUNT SEED >lnt_compare.jsonl

Runs in the environment that services/tidemark/e2e/lnt-client.sh prints. A line holds the current and the previous runs
(newest first; a run is a list of samples [value, status, hash], nulls at the end left out), the options [bigger_is_better, ignore_same_hash, linked,
confidence, small_differences], and what LNT says: [current, previous, delta, pct, stddev, mad, failed, prev_failed, hash,
prev_hash, test_status, value_status].
"""
import json
import logging
import random
import sys
from types import SimpleNamespace

from lnt.server.reporting import analysis


class Recorded(analysis.RunInfo):
    """A RunInfo whose samples come from a list instead of a database."""

    def _load_samples_for_runs(self, session, run_ids, only_tests):
        for run, samples in session:
            for sample in samples:
                self.sample_map[(run, 1)] = sample


def compare(current, previous, bigger, same_hash, linked, confidence, small):
    status = SimpleNamespace(name="status")
    field = SimpleNamespace(name="value", status_field=status if linked else None, bigger_is_better=int(bigger),
                            ignore_same_hash=int(same_hash))
    suite = SimpleNamespace(get_field_index=lambda f: ["value", "status", "hash"].index(f.name))
    runs = [SimpleNamespace(id=i) for i in range(len(current) + len(previous))]
    info = Recorded(enumerate(current + previous), suite, [], confidence_lv=confidence)
    cr = info.get_comparison_result(runs[:len(current)], runs[len(current):], 1, field, SimpleNamespace(name="hash"))
    return [cr.current, cr.previous, cr.delta, cr.pct_delta, cr.stddev, cr.MAD, cr.failed, cr.prev_failed, cr.cur_hash,
            cr.prev_hash, cr.get_test_status(), cr.get_value_status(ignore_small=not small)]


def values(rng, count, level):
    kind = rng.randrange(6)
    if kind == 0:
        return [float(rng.randint(-2, 3)) for _ in range(count)]
    if kind == 1:
        return [round(rng.gauss(level, abs(level) * 0.01), 4) for _ in range(count)]
    if kind == 2:
        return [round(rng.gauss(level, abs(level) * 0.2), 2) for _ in range(count)]
    if kind == 3:
        return [rng.choice([level, level * 1.02, level * 1.1]) for _ in range(count)]
    if kind == 4:
        return [level] * count
    return [rng.uniform(level, level * 1.3) for _ in range(count)]


def runs(rng, most, count, level, odd):
    samples = [[v, None, None] for v in values(rng, count, level)]
    for sample in samples:
        if rng.random() < odd:
            sample[0] = None
        if rng.random() < odd:
            sample[1] = rng.randint(0, 2)
        if rng.random() < 3 * odd:
            sample[2] = rng.choice("ab")
    cuts = sorted(rng.randint(0, count) for _ in range(rng.randint(0, most - 1)))
    return [samples[a:b] for a, b in zip([0] + cuts, cuts + [count])]


def case(rng):
    size = rng.choice([1, 1, 3, 6, 8, 20, 20, 26])
    level = rng.choice([0.0005, 0.02, 1.0, 3.7, -5.0, 250.0, 1e6])
    shift = rng.choice([1, 1, 1.003, 1.01, 0.99, 1.05, 0.9, 2, -1, 0])
    odd = rng.choice([0, 0, 0, 0.15])
    current = runs(rng, 2, rng.randint(min(size, 4), size), level * shift, odd)
    previous = runs(rng, 3, rng.randint(0 if size < 6 else 4, size), level, odd)
    options = [rng.random() < .3, rng.random() < .3, rng.random() < .7, rng.choice([.1, .05, .05, .01]), rng.random() < .2]
    return current, previous, options


def main():
    logging.disable()
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    rng = random.Random(seed)
    while count > 0:
        current, previous, options = case(rng)
        if not any(s[0] is not None or (s[1] == 1 and options[2]) for run in current + previous for s in run):
            continue  # nothing to tell
        try:
            said = compare(current, previous, *options)
        except IndexError:
            continue  # LNT's table has no entry for 4 and 20 samples at 0.1
        for sample in (s for run in current + previous for s in run):
            while sample and sample[-1] is None:
                sample.pop()
        print(json.dumps([current, previous, options, said], separators=(",", ":")))
        count -= 1


main()
