"""Judge a reproduction's claims on records made up for a test."""

from common import judge

SEEDS = 500  # as many as any verdict needs: 199 by rank, 459 for always, never and can
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
    changed = {
        variant: [
            {**record, "measurements": {**record["measurements"], **changes}} for record in records
        ]
        for variant, records in stored.items()
        if variants is None or variant in variants
    }
    return verdicts(reproduction, {**stored, **changed})[claim]
