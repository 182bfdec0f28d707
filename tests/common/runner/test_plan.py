import pytest

from common import claims
from common.runner import plan


def test_seeds_leave_what_has_no_randomness_alone(suite):
    path = suite.add(variants=("as_written", "shapes"), seeds=4) / "claims.toml"
    one = '{ about = "s", seeds = { smoke = 1, standard = 1, full = 1 } }'
    path.write_text(path.read_text().replace('shapes = "shapes"', f"shapes = {one}"))
    fake = claims.load(path)
    assert plan.wanted_seeds([fake], "standard") == {"fake": {"as_written": 4, "shapes": 1}}
    assert plan.wanted_seeds([fake], "full", 7) == {"fake": {"as_written": 7, "shapes": 1}}
    assert plan.wanted_seeds([fake], "smoke", None, "as_written") == {"fake": {"as_written": 2}}


@pytest.mark.parametrize("jobs", [1, 2, 16])
def test_long_tasks_come_first_and_are_split_over_the_workers(suite, jobs):
    long, short = (
        claims.load(suite.add(name, seeds=50) / "claims.toml") for name in ("long", "short")
    )
    tasks = [
        plan.Task(reproduction, "as_written", tuple(range(50)), suite.folder, {}, {}, minutes)
        for reproduction, minutes in ((short, 0.01), (long, 1))
    ]
    parts = plan._split(tasks, jobs)
    assert [part.reproduction.name for part in parts] == sorted(
        part.reproduction.name for part in parts
    )
    for reproduction in (long, short):
        chunks = [part.seeds for part in parts if part.reproduction is reproduction]
        assert [seed for chunk in chunks for seed in chunk] == list(range(50))
        assert len(chunks) <= jobs
    assert sum(part.reproduction is long for part in parts) == min(jobs, 13 if jobs == 16 else jobs)
