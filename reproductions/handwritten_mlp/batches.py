"""Does a batch of examples, as the columns of one matrix, run faster than one after the other?

Source: handwritten, page 6 ("Vectorización para batch de m ejemplos").
Stated: z = W a + b for one example; Z = W A + b for m examples as columns, "para eficiencia
    computacional"; batches of 32, 64 or 128.
Silent about: how much faster. We take the processor's time for the forward pass of 784-128-64-10 in
    NumPy, which other work on the machine does not stretch.
"""

import dataclasses
import itertools
import time
from collections.abc import Iterator, Sequence

import numpy as np


@dataclasses.dataclass(frozen=True)
class Config:
    """The handwritten network and its three batches."""

    layer_sizes: tuple[int, ...] = (784, 128, 64, 10)
    batch_sizes: tuple[int, ...] = (32, 64, 128)

    # assumed: how often each is timed; the fastest counts
    repetitions: int = 20


VARIANTS = {"batches": Config()}

SHORTENED = {"smoke": {"repetitions": 2}}


def build_model(layer_sizes: Sequence[int], rng: np.random.Generator) -> list[np.ndarray]:
    """Return W1, b1, W2, b2, W3, b3 with W of shape (outputs, inputs) and b a column of zeros."""
    weights = []
    for inputs, outputs in itertools.pairwise(layer_sizes):
        weights += [rng.normal(scale=0.05, size=(outputs, inputs)), np.zeros((outputs, 1))]
    return [array.astype("float32") for array in weights]


def forward(weights: Sequence[np.ndarray], a: np.ndarray) -> np.ndarray:
    """Return the probabilities of every column of `a`, shape (784, m)."""
    for W, b in zip(weights[0:-2:2], weights[1:-2:2], strict=True):
        a = np.maximum(W @ a + b, 0)
    exponentials = np.exp(weights[-2] @ a + weights[-1])
    return exponentials / exponentials.sum(axis=0)


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Measure one record per seed: microseconds an example, in a batch and alone."""
    for seed in seeds:
        rng = np.random.default_rng(seed)
        weights = build_model(config.layer_sizes, rng)
        together, alone = [], []
        for size in config.batch_sizes:
            x = rng.uniform(size=(config.layer_sizes[0], size)).astype("float32")
            columns = [np.ascontiguousarray(x[:, [column]]) for column in range(size)]
            together.append(fastest(weights, [x], config.repetitions) / size)
            alone.append(fastest(weights, columns, config.repetitions) / size)
        yield {
            "batch_sizes": list(config.batch_sizes),
            "microseconds_in_a_batch": together,
            "microseconds_alone": alone,
        }


def fastest(weights: list[np.ndarray], batches: list[np.ndarray], repetitions: int) -> float:
    """Return the shortest processor time, in microseconds, of all batches through the network."""
    best = np.inf
    for _ in range(repetitions):
        began = time.process_time()
        for batch in batches:
            forward(weights, batch)
        best = min(best, time.process_time() - began)
    return float(best) * 1e6
