"""What the documents say, as data: `reproductions/NAME/claims.toml` read into frozen classes.

A passage is a sentence of the documents; its claims are what can be checked of it. `load` checks
everything that needs no training and names file, claim and key where something is wrong. Only the
standard library is imported, so that `--list` answers at once.

Decisions the design leaves open:

- `weight` defaults to "supporting".
- A passage's source must be among the head's `sources`, so that `--list` shows every document.
- A pattern such as "width_{hidden}" stands for the variants of that sweep of the experiment file;
  one of them may have an entry of its own beside it.
- `share` goes with the linear scale only.
- A curve without `index` must be as long as the measured list; with it, the list may be longer.
- `digits` says how many significant digits are meant: "1500" with 2 means 1450 to 1550. It has no
  meaning for a cited zero, whose printed decimals count. On a curve it goes for every point.
- A cited "1.500" may be a Spanish thousand: it needs `digits` or `margin` to be one and a half.
- `at` is a position in the measured list, and in `printed` claims one in the curve's points.
"""

from common.claims.kinds import (
    HOLDS_FOR,
    KINDS,
    WEIGHTS,
    Always,
    Bound,
    ByReading,
    Can,
    Claim,
    Curve,
    Exact,
    Identity,
    Number,
    Ordering,
    Place,
    Printed,
    PrintedValue,
    Statement,
    Than,
    half_unit,
)
from common.claims.loading import DATA, FILE, PROFILES, load, load_all
from common.claims.reproduction import (
    Experiment,
    Finding,
    Metric,
    Passage,
    Quantity,
    Reproduction,
    Variant,
    parts,
)

__all__ = [
    "DATA",
    "FILE",
    "HOLDS_FOR",
    "KINDS",
    "PROFILES",
    "WEIGHTS",
    "Always",
    "Bound",
    "ByReading",
    "Can",
    "Claim",
    "Curve",
    "Exact",
    "Experiment",
    "Finding",
    "Identity",
    "Metric",
    "Number",
    "Ordering",
    "Passage",
    "Place",
    "Printed",
    "PrintedValue",
    "Quantity",
    "Reproduction",
    "Statement",
    "Than",
    "Variant",
    "half_unit",
    "load",
    "load_all",
    "parts",
]
