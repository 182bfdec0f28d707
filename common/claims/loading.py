"""Read `claims.toml`: the file, its head, experiments, metrics and curves; then its sentences."""

import dataclasses
import decimal
import pathlib
import re
import tomllib

from common import errors, sources, variants
from common.claims import keys, kinds, reproduction, sentences

PROFILES = variants.PROFILES
DATA = ("breast_cancer", "iris", "life_expectancy", "mnist", "wine_quality")  # of `common.data`
FILE = "claims.toml"


def load_all(folder: pathlib.Path) -> dict[str, reproduction.Reproduction]:
    """Read the `claims.toml` of every folder in it; `UserError` at the first fault.

    What is no reproduction is passed over: folders without that file, hidden ones, and what editors
    and file systems leave behind.
    """
    try:
        return {path.name: load(path / FILE) for path in sorted(folder.iterdir()) if _is_ours(path)}
    except OSError as error:
        raise errors.UserError(f"{folder.name}: cannot be read: {error.strerror}") from error


def _is_ours(path: pathlib.Path) -> bool:
    """Whether a path of `reproductions/` is meant as a reproduction."""
    if path.name.startswith((".", "#")) or path.name.endswith("~"):
        return False
    return path.name.isprintable() and (path / FILE).is_file()


def load(path: pathlib.Path) -> reproduction.Reproduction:
    """Read and check one `claims.toml`; any fault is a `UserError` naming file, claim and key."""
    name = path.parent.name
    place = "/".join(path.parts[-3:])
    if not name.isidentifier():
        mend = "rename the folder: letters, digits and _, no digit first"
        raise errors.UserError(f"{place}: {name!r} cannot be imported; {mend}")
    document = _parse(path, place)
    with keys.naming(place):
        keys.check(
            document,
            needs=("reproduction", "experiments", "metrics"),
            takes=("arrays", "curves", "defaults", "passage", "finding"),
        )
        tables = {
            key: keys.table(document, key) for key in ("reproduction", "experiments", "curves")
        }
        passages, findings = keys.tables(document, "passage"), keys.tables(document, "finding")
        if not tables["experiments"]:
            raise keys.BadKeyError("experiments", "is empty; a reproduction needs at least one")
    head = _read_head(tables["reproduction"], path, place)
    metrics, arrays = _read_measured(document, place)
    head = dataclasses.replace(
        head,
        experiments=_read_experiments(tables["experiments"], path, place),
        metrics=metrics,
        arrays=arrays,
        curves={key: _read_curve(tables["curves"], key, place) for key in tables["curves"]},
    )
    with keys.naming(f"{place}: defaults"):
        defaults = sentences.read_defaults(document)
    head = dataclasses.replace(
        head, passages=sentences.read_passages(passages, defaults, head, place)
    )
    ids = [claim.id for claim in head.claims]
    return dataclasses.replace(
        head,
        findings=tuple(
            sentences.read_finding(table, head, ids, f"{place}: finding {number}")
            for number, table in enumerate(findings, start=1)
        ),
    )


def _parse(path: pathlib.Path, place: str) -> keys.Table:
    try:
        text = path.read_bytes().decode("utf-8-sig")  # some editors begin with a byte order mark
        return tomllib.loads(text, parse_float=decimal.Decimal)
    except OSError as error:
        raise errors.UserError(f"{place}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        where = f"byte {error.start}"
        raise errors.UserError(f"{place}: {where} is no UTF-8; save the file as UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise errors.UserError(f"{place}: is no valid TOML: {error}") from error


def _read_head(table: keys.Table, path: pathlib.Path, place: str) -> reproduction.Reproduction:
    with keys.naming(f"{place}: reproduction"):
        keys.check(
            table,
            needs=("title", "sources", "minutes"),
            takes=("minimum_seeds", "seed_seconds"),
        )
        if not table["sources"]:
            raise keys.BadKeyError("sources", "is empty; a reproduction needs at least one")
        minutes = keys.profiles(table, "minutes", PROFILES[1:], keys.positive)
        return reproduction.Reproduction(
            name=path.parent.name,
            path=path,
            title=keys.text(table, "title"),
            sources=keys.some(table, "sources", sources.SOURCES),
            minutes={profile: float(value) for profile, value in minutes.items()},
            minimum_seeds=keys.count({"minimum_seeds": 10, **table}, "minimum_seeds", least=8),
            seed_seconds=keys.count({"seed_seconds": 120, **table}, "seed_seconds"),
        )


def _read_experiments(
    tables: keys.Table, path: pathlib.Path, place: str
) -> dict[str, reproduction.Experiment]:
    experiments: dict[str, reproduction.Experiment] = {}
    for name in tables:
        with keys.naming(f"{place}: experiment {name!r}"):
            if not name.isidentifier():
                raise keys.BadKeyError(name, "is no name; take letters, digits and _")
            experiment = _read_experiment(tables, name, path.with_name(f"{name}.py"), place)
            for other in experiments.values():
                if twice := other.variants.keys() & experiment.variants.keys():
                    what = f"is a variant of {other.name}.py too; rename one"
                    raise keys.BadKeyError(f"variants.{min(twice)}", what)
            experiments[name] = experiment
    return experiments


def _read_experiment(
    tables: keys.Table, name: str, file: pathlib.Path, place: str
) -> reproduction.Experiment:
    table = keys.table(tables, name)
    keys.check(table, needs=("seeds", "variants"), takes=("data",))
    if not file.is_file():
        raise keys.BadKeyError(name, f"there is no {file.name} beside it")
    seeds = keys.profiles(table, "seeds", PROFILES, keys.count)
    data = keys.some(table, "data", DATA)
    declared = keys.table(table, "variants")
    entries = variants.read(file)
    patterns = dict.fromkeys(entry.pattern for entry in entries.values() if entry.pattern)
    names = [*entries, *patterns]
    with keys.under("variants"):
        for key in declared:
            if key not in names:
                raise keys.BadKeyError(
                    key, f"is no variant of {file.name}{keys.advice(key, names)}"
                )
        for entry in entries.values():
            if entry.name not in declared and entry.pattern not in declared:
                what = f"is missing; {file.name} has it, say in one line what it is"
                raise keys.BadKeyError(entry.pattern or entry.name, what)
    read = [
        _read_variant(
            declared, entry, reproduction.Variant(entry.name, "", seeds, data, name), place
        )
        for entry in entries.values()
    ]
    return reproduction.Experiment(name, file, {variant.name: variant for variant in read})


def _read_variant(
    declared: keys.Table, entry: variants.Entry, plain: reproduction.Variant, place: str
) -> reproduction.Variant:
    """A variant from its line or table; what that leaves out is as in `plain`."""
    key = entry.name if entry.name in declared else entry.pattern
    with keys.naming(f"{place}: variant {key!r}"):
        table = {"about": declared[key]} if isinstance(declared[key], str) else declared[key]
        if not isinstance(table, dict):
            raise keys.BadKeyError("about", f"{keys.shown(table)} is no text; write it in quotes")
        keys.check(table, needs=("about",), takes=("seeds", "data", "packages"))
        about = keys.text(table, "about")
        if key == entry.pattern:
            try:
                about = about.format(**entry.values)
            except (LookupError, ValueError, AttributeError, TypeError) as error:
                fields = ", ".join(f"{{{field}}}" for field in entry.values)
                raise keys.BadKeyError("about", f"{error}; it may name {fields}") from None
        return dataclasses.replace(
            plain,
            about=about,
            seeds=keys.profiles(table, "seeds", PROFILES, keys.count)
            if "seeds" in table
            else plain.seeds,
            data=keys.some(table, "data", DATA) if "data" in table else plain.data,
            packages=keys.names(table, "packages"),
        )


def _read_measured(
    document: keys.Table, place: str
) -> tuple[dict[str, reproduction.Metric], dict[str, reproduction.Metric]]:
    """The tables `metrics` and `arrays`; a name stands in one of them only."""
    with keys.naming(place):
        metrics, arrays = _read_metrics(document, "metrics"), _read_metrics(document, "arrays")
        if not metrics:
            raise keys.BadKeyError("metrics", "is empty; say what is measured")
        if twice := metrics.keys() & arrays.keys():
            raise keys.BadKeyError(f"arrays.{min(twice)}", "is a metric, too; rename one")
    return metrics, arrays


def _read_metrics(document: keys.Table, key: str) -> dict[str, reproduction.Metric]:
    with keys.under(key):
        table = keys.table(document, key)
        for name in table:
            if not re.fullmatch(r"\w+", name):
                raise keys.BadKeyError(name, "is no name; take letters, digits and _")
        return {name: _read_metric(table, name) for name in table}


def _read_metric(table: keys.Table, name: str) -> reproduction.Metric:
    if isinstance(table[name], str):
        return reproduction.Metric(keys.text(table, name))
    with keys.under(name):
        parts = keys.table(table, name)
        keys.check(parts, needs=("means",), takes=("unit",))
        unit = parts.get("unit", "")
        return reproduction.Metric(
            keys.text(parts, "means"), keys.text(parts, "unit") if unit != "" else ""
        )


def _read_curve(curves: keys.Table, name: str, place: str) -> kinds.Curve:
    with keys.naming(f"{place}: curve {name!r}"):
        table = keys.table(curves, name)
        keys.check(table, needs=("x", "y"), takes=("index",))
        x, y = (
            tuple(keys.number(key, value) for value in keys.listed(table, key))
            for key in ("x", "y")
        )
        index = tuple(keys.listed(table, "index")) if "index" in table else None
        for key, points in (("x", x), ("y", y), ("index", index)):
            if points is not None and len(points) != len(y):
                raise keys.BadKeyError(key, f"has {len(points)} points where y has {len(y)}")
        if not x:
            raise keys.BadKeyError("x", "is empty; give the points of the curve")
        if index is not None and not all(type(i) is int and i >= 0 for i in index):
            raise keys.BadKeyError("index", "holds positions in the measured list: 0, 1, 2, ...")
        return kinds.Curve(name, x, y, index)
