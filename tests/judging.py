"""Judge a reproduction's claims on records made up for a test."""

import copy

from common import judge

SEEDS = 60  # as many as any verdict needs
JUDGED = {
    judge.CONFIRMED,
    judge.CONSISTENT,
    judge.REFUTED,
    judge.UNRESOLVED,
    judge.NOT_CHECKABLE,
}


def records_of(measurements, *, data):
    """Copy one seed's measurements, given by variant, to as many seeds as a verdict needs."""
    return {
        name: [
            {"seed": seed, "config": {}, "shortened": {}, "data": data, "measurements": measured}
            for seed in range(SEEDS)
        ]
        for name, measured in measurements.items()
    }


def verdicts(reproduction, stored):
    """The verdict on every claim, by its id."""
    judged = judge.judge(reproduction, stored, seeds=dict.fromkeys(reproduction.variants, SEEDS))
    return {each.claim: each.verdict for each in judged}


def verdict(reproduction, claim, stored, *, variants=None, **changes):
    """Judge one claim with some measurements replaced, in `variants` or in all of them."""
    stored = copy.deepcopy(stored)
    for variant in variants or stored:
        for record in stored[variant]:
            record["measurements"] |= changes
    return verdicts(reproduction, stored)[claim]
