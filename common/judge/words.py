"""How values, seeds and metrics are named in evidence, for a student who reads it."""

import math
import typing

from common import claims


def show(value: typing.Any) -> str:
    """Four significant digits, without an exponent where a student would not write one."""
    if not math.isfinite(value):
        return {math.inf: "infinity", -math.inf: "-infinity"}.get(float(value), "NaN")
    text = f"{float(value):.4g}"
    return f"{float(text):.0f}" if "e+" in text and abs(value) < 1e9 else text


def percent(share: float) -> str:
    """A share in percent."""
    return f"{show(100 * share)} %"


def chance(p: float) -> str:
    """A p value as it stands in evidence."""
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"


def seeds(n: int) -> str:
    """A number of seeds, with its noun."""
    return "1 seed" if n == 1 else f"{n} seeds"


def side(measured: float, cited: float) -> str | None:
    """Where the measurement lies, seen from the cited value; None for NaN."""
    return "higher" if measured > cited else "lower" if measured < cited else None


def plain(value: float) -> float | str:
    """A number, or the word for one that JSON does not know."""
    return float(value) if math.isfinite(value) else show(value)


def finite(value: typing.Any) -> float | None:
    """A number, or None where it is infinite or NaN."""
    return float(value) if math.isfinite(value) else None


def unless_nan(value: typing.Any) -> float | None:
    """A number, which may be infinite, or None where it is NaN."""
    return None if math.isnan(value) else float(value)


def listed(parts: list[str]) -> str:
    """Parts of a sentence: "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def element(at: int) -> str:
    """Which element of a list a position is, counted from one."""
    if at < 0:
        return "the last element" if at == -1 else f"element {-at} from the end"
    return f"element {at + 1}"


def measured(metric: str, at: int | None, metrics: dict[str, claims.Metric]) -> str:
    """A metric and its meaning: "element 28 of 'test_error' (Error on the test set)"."""
    which = f"'{metric}'" if at is None else f"{element(at)} of '{metric}'"
    return f"{which} ({metrics[metric].means.rstrip('.')})" if metric in metrics else which
