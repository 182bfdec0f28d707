"""The figures: each drawn from the records by a task of its own, so that a fault costs it alone."""

import concurrent.futures
import json
import pathlib
from collections.abc import Callable, Mapping, Sequence

import pebble

from common import claims, errors, files
from common.runner import contents, pool, worker

FIGURE_SECONDS = 600
MODULE = "figures"


def draw_all(
    workers: pebble.ProcessPool,
    reproductions: Sequence[claims.Reproduction],
    folder: pathlib.Path,
) -> None:
    """Redraw the figures of all reproductions that have records; a failed one leaves its error.

    Raises:
        errors.UserError: a picture cannot be written, or the worker processes are gone.
    """
    if not workers.active:
        raise pool.broken()
    present = [each for each in reproductions if (folder / each.name).is_dir()]
    listings = [_schedule(workers, possible, each, folder) for each in present]
    drawn = [
        {name: _schedule(workers, draw, each, folder, name) for name in _result(listing)[0] or ()}
        for each, listing in zip(present, listings, strict=True)
    ]
    for each, listing, figures in zip(present, listings, drawn, strict=True):
        results = {"figures": _result(listing)}
        results |= {name: _result(future) for name, future in figures.items()}
        captions = {f"{name}.png": results[name][0] for name in figures}
        failures = {name: failure for name, (_, failure) in results.items() if failure}
        _write(folder / each.name, {key: it for key, it in captions.items() if it}, failures)


def _schedule(
    workers: pebble.ProcessPool, function: Callable[..., tuple], *arguments: object
) -> concurrent.futures.Future:
    return workers.schedule(function, args=arguments, timeout=FIGURE_SECONDS)


def _result(future: concurrent.futures.Future) -> tuple:
    """What a worker made, or why it made nothing."""
    error = future.exception()
    if isinstance(error, errors.UserError):
        raise error
    if isinstance(error, TimeoutError):
        return None, (f"not drawn within {FIGURE_SECONDS} s", "")
    if error is not None:
        return None, (pool.death(error), "")
    return future.result()


def _write(
    home: pathlib.Path, captions: Mapping[str, str], failures: Mapping[str, worker.Failure]
) -> None:
    """Write captions and errors, and leave no picture without its caption."""
    plots = home / contents.PLOTS
    for path in plots.glob("*.*"):
        if path.name not in captions and path.suffix in (".png", ".txt"):
            path.unlink()
    for name, failure in failures.items():
        files.write(plots / f"{name}.error.txt", "\n\n".join(failure) + "\n")
    if captions or plots.is_dir():
        files.write(plots / contents.CAPTIONS, json.dumps(captions, indent=1) + "\n")
    if not failures:
        (home / "plots.log").unlink(missing_ok=True)


# ---- In a worker ---------------------------------------------------------------------------------


def possible(
    reproduction: claims.Reproduction, folder: pathlib.Path
) -> tuple[list[str] | None, worker.Failure | None]:
    """The names of the figures whose variants have records; or why there are none."""
    from common import plots

    try:
        runs = _runs(reproduction, folder)
        if not runs or not reproduction.path.with_name(f"{MODULE}.py").is_file():
            return [], None
        worker.redirect_output(folder / reproduction.name / "plots.log")
        drawings = plots.drawings(worker.load_module(reproduction, MODULE))
        return [drawing.name for drawing in drawings if drawing.is_possible(runs)], None
    except errors.UserError:
        raise
    except Exception as error:
        return None, worker.failure(error)


def draw(
    reproduction: claims.Reproduction, folder: pathlib.Path, name: str
) -> tuple[str | None, worker.Failure | None]:
    """Draw one figure into the folder's plots: its caption, or what went wrong."""
    from common import plots

    try:
        home = folder / reproduction.name
        worker.redirect_output(home / "plots.log")
        (home / contents.PLOTS).mkdir(exist_ok=True)
        drawings = plots.drawings(worker.load_module(reproduction, MODULE))
        (drawing,) = (each for each in drawings if each.name == name)
        runs = _runs(reproduction, folder)
        _, caption = drawing.save(runs, reproduction.curves, home / contents.PLOTS)
        if not isinstance(caption, str) or not caption.strip():
            raise TypeError(f"the caption of {name} is {caption!r}; say what is to be seen")
        return caption, None
    except errors.UserError:
        raise
    except Exception as error:
        return None, worker.failure(error)


def _runs(reproduction: claims.Reproduction, folder: pathlib.Path) -> dict[str, list[dict]]:
    """Variant -> its records, each of which knows where its arrays lie."""
    home = folder / reproduction.name
    return {
        variant: [{**record, "folder": home} for record in some]
        for variant, some in contents.stored(reproduction, folder).records.items()
    }
