"""Time our code and its competitors in turns, so that all of them see the same machine.

Timings say something only on a quiet machine, so plain `pytest` leaves this folder out. What
pytest-benchmark tabulates is our own time; the medians and ratios are printed with `-s` and stored
under `extra_info` with `--benchmark-json=FILE`. All times include moving the NumPy data in.
"""

import contextlib
import statistics
import time

import pytest
import tensorflow as tf
import threadpoolctl

ROUNDS = 5


@contextlib.contextmanager
def one_thread():
    """Give TensorFlow and NumPy one thread each; TensorFlow must not have started before."""
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        if tf.config.threading.get_intra_op_parallelism_threads() != 1:
            pytest.skip("TensorFlow has its threads already: run this file on its own")
    with threadpoolctl.threadpool_limits(1):
        yield


def seconds(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def race(benchmark, ours, others):
    """Time `ours` and every one of `others`, turn by turn, and return their medians in seconds."""
    for action in [ours, *others.values()]:
        action()  # compile, and fill the caches
    times = {name: [] for name in others}

    def others_first():
        for name, action in others.items():
            times[name].append(seconds(action))

    benchmark.pedantic(ours, setup=others_first, rounds=ROUNDS)
    medians = {name: statistics.median(values) for name, values in times.items()}
    return {"ours": benchmark.stats.stats.median, **medians}


def tell(benchmark, **numbers):
    benchmark.extra_info.update(numbers)
    print("\n" + ", ".join(f"{name} {number:.3g}" for name, number in numbers.items()))
