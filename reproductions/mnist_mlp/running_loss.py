"""What `running_loss += loss` keeps in memory, and `loss.item()` does not: the listing in PyTorch.

This is a statement on PyTorch, so it is measured in PyTorch, on the notes' own loop; without that
package (`pip install torch`) it is left out. Pictures of noise do, as no value matters.

Source: notes-2, section 3.4 ("Como curiosidad técnica ...").
Stated: the sum of the tensors keeps "una cadena gigante de miles de operaciones" and the computer
    "se quedaría sin memoria rápidamente".
Silent about: how much memory a computer has (here: 8 GB).
"""

import dataclasses
import gc
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Config:
    """The notes' loop over one epoch: 938 batches of 64."""

    batches: int = 938
    batch_size: int = 64
    learning_rate: float = 0.003


VARIANTS = {"running_loss": Config()}

SHORTENED = {"smoke": {"batches": 20}}


def build_model(torch: Any) -> Any:
    """Return the listing's `RedMNIST`."""
    nn = torch.nn
    return nn.Sequential(
        nn.Linear(784, 128),
        nn.ReLU(),
        nn.Linear(128, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
        nn.LogSoftmax(dim=1),
    )


def run(config: Config, seeds: Sequence[int]) -> Iterator[dict]:
    """Measure one record per seed: what one epoch leaves in memory, in both ways."""
    import torch

    torch.set_num_threads(1)
    one_epoch(torch, dataclasses.replace(config, batches=5), 0, item=True)  # loads what loads late
    sums = []  # kept, so that what a sum holds is not given to the next one
    for seed in seeds:
        with_item, _ = one_epoch(torch, config, seed, item=True)
        without, running_loss = one_epoch(torch, config, seed, item=False)
        sums.append(running_loss)
        yield {
            "megabytes_with_item": with_item,
            "megabytes_without_item": without,
            "operations_kept": operations_behind(running_loss),
        }


def one_epoch(torch: Any, config: Config, seed: int, *, item: bool) -> tuple[float, Any]:
    """Run the listing's loop; return the MB of memory that it leaves taken, and `running_loss`."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    images = torch.from_numpy(rng.uniform(-1, 1, (config.batch_size, 784)).astype("float32"))
    labels = torch.from_numpy(rng.integers(10, size=config.batch_size))
    model, criterion = build_model(torch), torch.nn.NLLLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate)

    def batch() -> Any:
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    batch()  # Adam's moments come with the first step
    gc.collect()
    before = resident_megabytes()
    running_loss: Any = 0.0
    for _ in range(config.batches):
        loss = batch()
        running_loss += loss.item() if item else loss
    gc.collect()
    return resident_megabytes() - before, running_loss


def operations_behind(value: Any) -> int:
    """Return how many operations a tensor's history holds; a plain number has none."""
    waiting, seen = [getattr(value, "grad_fn", None)], set()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [before for before, _ in node.next_functions]
    return len(seen)


def resident_megabytes() -> float:
    """Return how much memory this process occupies (on systems without /proc: its peak)."""
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
