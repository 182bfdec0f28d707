"""The TOML files: what they become, and one line for everything that can be wrong in them."""

import dataclasses
import decimal
import pathlib
import subprocess
import sys
import time

import pytest

from common import claims, data, errors, sources

HEAD = """
[reproduction]
title = "XOR learnt by a 2-2-1 sigmoid network"
sources = ["notes-2", "thesis"]
minutes = { standard = 1, full = 6.5 }

[experiments.experiment]
seeds = { smoke = 2, standard = 50, full = 200 }
data = ["mnist"]
[experiments.experiment.variants]
as_written = "The document's protocol."
corrected = { about = "The sound one.", seeds = { smoke = 1, standard = 5, full = 8 }, data = [] }

[metrics]
final_error = "Mean squared error over the four points."
losses = { means = "Mean loss of each epoch.", unit = "nats" }
learnt = "Whether all four points are told apart."

[curves.figure-2]
x = [0, 1000, 2000]
y = ["0.250", 0.1, 0.003]
[curves.figure-3]
x = [0]
y = ["0.5"]
"""
CODE = {
    "experiment": "\n".join(
        (
            "from common import variants",
            'VARIANTS = {"as_written": Config(), "corrected": Config(rate=1)}',
        )
    )
}
PASSAGE = """
[[passage]]
source = "notes-2"
where = "2.3"
quote = "el error colapsa"
"""
START = """[[passage.claim]]
id = "the-claim"
says = "The error collapses."
"""
MEASURED = START + 'variant = "as_written"\nmetric = "final_error"\n'
NUMBER = MEASURED + 'kind = "number"\ncited = "0.0500"\n'
CURVE = MEASURED + 'kind = "number"\ncurve = "figure-2"\n'
PRINTED = START + 'kind = "printed"\ncurve = "figure-2"\nvalue = "last"\nop = "<"\ncited = "0.01"\n'
BODIES = {
    "exact": MEASURED + 'kind = "exact"\ncited = ["784", "128"]\n',
    "identity": MEASURED + 'kind = "identity"\ntolerance = 1e-9\n',
    "number": NUMBER,
    "bound": MEASURED + 'kind = "bound"\nop = ">"\ncited = "0.92"\n',
    "ordering": MEASURED + 'kind = "ordering"\nop = "<"\nthan = { variant = "corrected" }\n',
    "can": MEASURED + 'kind = "can"\n',
    "always": MEASURED + 'kind = "always"\nrate = 1\n',
    "printed": PRINTED,
    "by_reading": START + 'kind = "by_reading"\nholds = false\nfinds = "The code has 0.01."\n',
    "statement": START + 'kind = "statement"\nreason = "An opinion."\n',
}


@pytest.fixture
def write(tmp_path):
    """Write a reproduction: its claims.toml and its experiment files."""

    def write(text: str, name: str = "xor_mlp", code: dict[str, str] = CODE) -> pathlib.Path:
        folder = tmp_path / "reproductions" / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, lines in code.items():
            (folder / f"{file}.py").write_text(lines, "utf-8")
        path = folder / "claims.toml"
        path.write_text(text, "utf-8")
        return path

    return write


@pytest.fixture
def only_claim(write):
    """The claim of a file with one."""

    def only_claim(body: str, head: str = HEAD) -> claims.Claim:
        (claim,) = claims.load(write(head + PASSAGE + body)).claims
        return claim

    return only_claim


def swap(body: str, old: str, new: str) -> str:
    assert old in body
    return body.replace(old, new)


def fault_of(path: pathlib.Path) -> str:
    """The one line that the user reads."""
    with pytest.raises(errors.UserError) as caught:
        claims.load(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# --- what a file becomes -------------------------------------------------------------------------


def test_the_head(write):
    found = claims.load(write(HEAD + PASSAGE + NUMBER))
    assert (found.name, found.path.name) == ("xor_mlp", "claims.toml")
    assert (found.title[:3], found.sources) == ("XOR", ("notes-2", "thesis"))
    assert found.minutes == {"standard": 1, "full": 6.5}
    assert (found.minimum_seeds, found.seed_seconds) == (10, 120)
    limits = swap(HEAD, "title", "minimum_seeds = 8\nseed_seconds = 5\ntitle")
    found = claims.load(write(limits))
    assert (found.minimum_seeds, found.seed_seconds) == (8, 5)


def test_experiments_and_their_variants(write):
    found = claims.load(write(HEAD))
    assert list(found.experiments) == ["experiment"]
    assert found.experiments["experiment"].path == found.path.with_name("experiment.py")
    assert found.experiments["experiment"].variants == found.variants
    as_written, corrected = found.variants.values()
    assert (as_written.about, as_written.experiment) == ("The document's protocol.", "experiment")
    assert as_written.seeds == {"smoke": 2, "standard": 50, "full": 200}
    assert (as_written.data, corrected.data) == (("mnist",), ())
    assert corrected.seeds["full"] == 8
    assert found.data == ("mnist",)


def test_a_variant_may_need_an_optional_package(write):
    found = claims.load(write(swap(HEAD, "data = [] }", 'data = [], packages = ["torch"] }')))
    assert [variant.packages for variant in found.variants.values()] == [(), ("torch",)]


def test_several_experiments_make_one_list_of_variants(write):
    more = """
    [experiments.derivation]
    seeds = { smoke = 1, standard = 1, full = 1 }
    data = ["iris"]
    [experiments.derivation.variants]
    derivation = "No training."
    """
    code = {**CODE, "derivation": 'VARIANTS = {"derivation": Config()}'}
    found = claims.load(write(HEAD + more, code=code))
    assert list(found.variants) == ["as_written", "corrected", "derivation"]
    assert found.variants["derivation"].experiment == "derivation"
    assert found.data == ("mnist", "iris")


SWEPT = {
    "experiment": """
VARIANTS = {
    "as_written": Config(),
    **variants.sweep("width_{hidden}", Config(), hidden=[1, 2, 3]),
    "corrected": Config(),
}
"""
}


def test_one_line_for_a_whole_sweep(write):
    line = 'corrected = "x"\n"width_{hidden}" = "A hidden layer of {hidden}."\n[metrics]'
    found = claims.load(
        write(swap(HEAD, "[metrics]", line).replace("corrected = {", "#"), code=SWEPT)
    )
    names = ["as_written", "width_1", "width_2", "width_3", "corrected"]
    assert list(found.variants) == names, "the code's order"
    assert found.variants["width_2"].about == "A hidden layer of 2."
    assert found.variants["width_2"].seeds["full"] == 200


def test_one_of_a_sweep_may_have_an_entry_of_its_own(write):
    lines = """
"width_{hidden}" = { about = "{hidden} hidden.", seeds = { smoke = 1, standard = 2, full = 3 } }
width_3 = "The widest {one}."
[metrics]"""
    found = claims.load(write(swap(HEAD, "[metrics]", lines), code=SWEPT)).variants
    assert (found["width_1"].about, found["width_1"].seeds["full"]) == ("1 hidden.", 3)
    assert (found["width_3"].about, found["width_3"].seeds["full"]) == ("The widest {one}.", 200)


def test_metrics_and_arrays_mean_something(write):
    found = claims.load(write(HEAD + '[arrays]\npictures = { means = "Ten digits.", unit = "" }\n'))
    assert found.metrics["losses"] == claims.Metric("Mean loss of each epoch.", "nats")
    assert found.metrics["learnt"].unit == ""
    assert found.arrays == {"pictures": claims.Metric("Ten digits.")}


def test_curves(write):
    curve = claims.load(write(HEAD)).curves["figure-2"]
    assert curve.y[2] == decimal.Decimal("0.003")
    assert (curve.index, str(curve.y[0])) == (None, "0.250")
    assert curve.points == ([0.0, 1000.0, 2000.0], [0.25, 0.1, 0.003])


def test_a_passage_and_its_claims(write):
    body = 'reading = "Their own run."\n' + NUMBER + swap(BODIES["can"], "the-claim", "second")
    found = claims.load(write(HEAD + PASSAGE + body))
    (passage,) = found.passages
    place = claims.Place("notes-2", "2.3", "el error colapsa")
    assert (passage.id, passage.reading) == ("the-claim", "Their own run.")
    assert passage.places == (place,)
    assert passage.claims == found.claims
    assert [claim.id for claim in passage.claims] == ["the-claim", "second"]
    assert {(claim.passage, claim.places) for claim in found.claims} == {("the-claim", (place,))}


def test_a_passage_with_an_id_of_its_own_and_several_places(write):
    places = ", ".join(
        f'{{ source = "{key}", where = "1", quote = "q" }}' for key in ("notes-2", "thesis")
    )
    text = f'{HEAD}\n[[passage]]\nid = "a-sentence"\nplaces = [{places}]\n{NUMBER}'
    (passage,) = claims.load(write(text)).passages
    assert passage.id == passage.claims[0].passage == "a-sentence"
    assert [place.source for place in passage.places] == ["notes-2", "thesis"]
    assert passage.claims[0].places == passage.places


def test_a_number_keeps_its_digits(only_claim):
    claim = only_claim(NUMBER)
    assert isinstance(claim, claims.Number)
    assert (str(claim.cited), claim.stated, claim.weight) == ("0.0500", "0.0500", "supporting")
    assert (claim.scale, claim.rivals, claim.figures) == ("linear", (), (claim.cited,))


@pytest.mark.parametrize(
    ("kind", "stated"),
    [
        ("exact", "[784, 128]"),
        ("identity", "<= 1E-9"),
        ("number", "0.0500"),
        ("bound", "> 0.92"),
        ("ordering", "< in corrected"),
        ("can", "at least once"),
        ("always", "always"),
        ("printed", "< 0.01"),
        ("by_reading", None),
        ("statement", None),
    ],
)
def test_every_kind_has_its_class(only_claim, kind, stated):
    claim = only_claim(BODIES[kind])
    assert (type(claim), claim.kind, claim.stated) == (claims.KINDS[kind], kind, stated)
    with pytest.raises(dataclasses.FrozenInstanceError):
        claim.says = "Something else."


def test_every_kind_is_tried_here():
    assert BODIES.keys() == claims.KINDS.keys()


@pytest.mark.parametrize(
    ("body", "values"),
    [
        (NUMBER + 'scale = "rank"\nrivals = ["corrected"]\nat = -1\n', {"rivals": ("corrected",)}),
        (NUMBER + "digits = 2\nmargin = 0.1\n", {"digits": 2, "margin": decimal.Decimal("0.1")}),
        (NUMBER + 'share = true\ncorrection = "Less."\n', {"share": True, "correction": "Less."}),
        (CURVE + 'scale = "rank"\n', {"scale": "rank", "cited": None}),
        (BODIES["bound"] + 'holds_for = "the mean"\n', {"stated": "> 0.92 on average"}),
        (BODIES["bound"] + 'scale = "rank"\n', {"scale": "rank", "holds_for": "a run"}),
        (BODIES["ordering"] + 'least = "0.5"\n', {"stated": "< in corrected by 0.5"}),
        (BODIES["ordering"] + "least_factor = 2\n", {"stated": "< in corrected by a factor of 2"}),
        (BODIES["by_reading"], {"holds": False, "finds": "The code has 0.01."}),
        (swap(BODIES["always"], "1", '0.5\nop = ">"'), {"stated": "> 0.5"}),
        (swap(BODIES["always"], "1", "0"), {"stated": "never"}),
        (swap(BODIES["exact"], '["784", "128"]', '"784"'), {"cited": decimal.Decimal(784)}),
    ],
)
def test_every_key_is_read(only_claim, body, values):
    claim = only_claim(body)
    assert {key: getattr(claim, key) for key in values} == values


def test_a_curve_is_cited_as_a_whole(only_claim):
    claim = only_claim(CURVE)
    assert claim.curve.name == "figure-2"
    assert (len(claim.figures), claim.stated) == (3, "curve figure-2 (3 points)")


@pytest.mark.parametrize(
    ("than", "expected"),
    [
        ('{ variant = "corrected" }', claims.Than("corrected", "final_error", 5)),
        ('{ metric = "losses", at = 0 }', claims.Than("as_written", "losses", 0)),
    ],
)
def test_missing_parts_of_than_are_the_claims_own(only_claim, than, expected):
    claim = only_claim(swap(BODIES["ordering"], '{ variant = "corrected" }', than) + "at = 5\n")
    assert claim.than == expected


@pytest.mark.parametrize(
    ("value", "than", "expected"),
    [
        ("last", '{ value = "first" }', ("figure-2", "first", None, None)),
        ("last", '{ curve = "figure-3" }', ("figure-3", "last", None, None)),
        ('at"\nat = "1', '{ value = "mean" }', ("figure-2", "mean", None, None)),
        ('at"\nat = "1', "{ at = 2 }", ("figure-2", "at", 2, None)),
        ('first_reaching"\nlevel = "0.1', '{ value = "at", at = 1 }', ("figure-2", "at", 1, None)),
        ('first_reaching"\nlevel = "0.1', "{ level = 0.01 }", ("figure-2", "first_reaching", None)),
    ],
)
def test_missing_parts_of_a_printed_than_are_the_claims_own(only_claim, value, than, expected):
    body = swap(swap(PRINTED, 'cited = "0.01"', f"than = {than}"), "last", value)
    other = only_claim(body.replace('at = "1"', "at = 1")).than
    assert isinstance(other, claims.PrintedValue)
    found = (other.curve.name, other.value, other.at, other.level)
    assert found[: len(expected)] == expected


def test_a_printed_value_in_words(only_claim):
    body = swap(PRINTED, 'cited = "0.01"', 'than = { value = "first_reaching", level = "0.1" }')
    claim = only_claim(body)
    assert claim.stated == "< first_reaching 0.1 of figure-2"
    assert str(claim.printed) == "last of figure-2"


@pytest.mark.parametrize("value", claims.PrintedValue.VALUES)
def test_every_printed_value_is_taken(only_claim, value):
    more = {"at": "at = -3\n", "first_reaching": "level = 0.2\n"}.get(value, "")
    assert only_claim(swap(PRINTED, "last", value) + more).value == value


DEFAULTS = '[defaults]\nvariant = "corrected"\nweight = "headline"\nscale = "rank"\nmargin = 0.5\n'


def test_defaults_fill_what_a_claim_leaves_out(only_claim):
    claim = only_claim(swap(NUMBER, 'variant = "as_written"\n', ""), head=HEAD + DEFAULTS)
    assert (claim.variant, claim.weight, claim.scale) == ("corrected", "headline", "rank")
    assert claim.margin == decimal.Decimal("0.5")


def test_a_claims_own_keys_come_before_defaults(only_claim):
    claim = only_claim(NUMBER + 'weight = "erratum"\nscale = "log"\n', head=HEAD + DEFAULTS)
    assert (claim.variant, claim.weight, claim.scale) == ("as_written", "erratum", "log")


@pytest.mark.parametrize("kind", BODIES)
def test_defaults_go_only_where_the_kind_takes_them(only_claim, kind):
    head = HEAD + '[defaults]\nmetric = "losses"\nholds_for = "the mean"\ntolerance = 1\n'
    claim = only_claim(BODIES[kind], head=head)
    assert (claim.kind, getattr(claim, "metric", "")) != (kind, "losses")


@pytest.mark.parametrize(
    ("cited", "digits", "half"),
    [
        ("0.0500", None, "0.00005"),
        ("1500", None, "0.5"),
        ("1500", 2, "50"),
        ("92.1", None, "0.05"),
        ("92.1", 1, "5"),
        ("1e3", None, "500"),
        ("-0.25", None, "0.005"),
        ("0", None, "0.5"),
        ("0.00", 2, "0.005"),
    ],
)
def test_half_a_unit_of_the_last_meant_digit(cited, digits, half):
    assert claims.half_unit(decimal.Decimal(cited), digits) == decimal.Decimal(half)


# --- numbers as documents print them -------------------------------------------------------------


@pytest.mark.parametrize(
    ("printed", "mend"),
    [
        ("0,50", "write '0.50'"),
        ("50 %", "write '50', or 0.5 if its metric is a share"),
        ("92,4%", "write '92.4', or 0.924 if its metric is a share"),
        ("−0.25", "write '-0.25'"),  # a minus sign from print
        ("–3", "write '-3'"),  # an en dash
        ("1.234,5", "write '1234.5'"),
        ("1,234.5", "write '1234.5'"),
        ("1,500", "write '1.500', or '1500' if the comma parts thousands"),
        ("1 500", "write '1500'"),
        ("1\N{NO-BREAK SPACE}500", "write '1500'"),
        ("1.500", "may be a thousand; write '1500' for thousands, or '1.5' with digits = 4 for"),
        ("-1.000", "may be a thousand; write '-1000' for thousands, or '-1' with digits = 4"),
        ("60.000", "write '60000' for thousands, or '60' with digits = 5 for 60"),
        ("about 5", "'about 5' is no finite number"),
    ],
)
def test_a_number_copied_from_print_is_told_how_to_write_it(write, printed, mend):
    message = fault_of(write(HEAD + PASSAGE + swap(NUMBER, "0.0500", printed)))
    assert "claim 'the-claim': key 'cited': " in message
    assert mend in message


def test_thousands_are_refused_wherever_a_value_is_cited(write):
    for kind, body in BODIES.items():
        if "cited" in body:
            text = swap(body, "cited = ", 'cited = "2.000" #')
            assert "'2.000' may be a thousand" in fault_of(write(HEAD + PASSAGE + text)), kind
    text = swap(BODIES["exact"], '"784"', '"60.000"')
    assert "'60.000' may be a thousand" in fault_of(write(HEAD + PASSAGE + text))


@pytest.mark.parametrize(
    "lines",
    [
        'cited = "1.000"\ndigits = 4',
        'cited = "1.000"\nmargin = 0.1',
        'cited = "0.500"',
        'cited = "2.303"',
        'cited = "1.0000"',
        'cited = "1234.500"',
    ],
)
def test_what_cannot_be_thousands_is_taken(only_claim, lines):
    assert only_claim(swap(NUMBER, 'cited = "0.0500"', lines)).cited is not None


# --- everything that can be wrong ----------------------------------------------------------------


def curve(text: str) -> str:
    return swap(HEAD, 'y = ["0.250", 0.1, 0.003]', text)


def less(body: str, key: str) -> str:
    """The lines of a claim without one key."""
    return "".join(line for line in body.splitlines(True) if not line.startswith(f"{key} ="))


def missing(kind: str, key: str) -> tuple[str, str, str]:
    return less(BODIES[kind], key), key, "is missing"


PRINTED_THAN = swap(PRINTED, 'cited = "0.01"', 'than = { value = "first" }')
WRONG_CLAIMS = {
    # unknown or misplaced keys
    "unknown key": (NUMBER + "marjin = 1", "marjin", "did you mean 'margin'"),
    "key of another kind": (NUMBER + "tolerance = 1", "tolerance", "kind 'number'"),
    "reason of a number": (NUMBER + 'reason = "x"', "reason", "kind 'number'"),
    "variant of a reading": (BODIES["by_reading"] + 'variant = "x"', "variant", "'by_reading'"),
    "at of can": (BODIES["can"] + "at = 1", "at", "kind 'can'"),
    "source of a claim": (NUMBER + 'source = "notes-2"', "source", "kind 'number'"),
    "unknown key in than": (
        swap(BODIES["ordering"], "{ variant", "{ varian"),
        "than.varian",
        "did you mean 'variant'",
    ),
    "metric of a printed than": (
        swap(PRINTED_THAN, "{ value", "{ metric"),
        "than.metric",
        "choices: curve, value, at, level",
    ),
    # missing keys
    **{f"missing {key}": missing("number", key) for key in ("says", "kind", "variant", "metric")},
    **{
        f"missing {key} of {kind}": missing(kind, key)
        for kind, key in (
            ("exact", "cited"),
            ("identity", "tolerance"),
            ("bound", "op"),
            ("bound", "cited"),
            ("ordering", "op"),
            ("ordering", "than"),
            ("can", "metric"),
            ("always", "rate"),
            ("printed", "curve"),
            ("printed", "value"),
            ("printed", "op"),
            ("by_reading", "holds"),
            ("by_reading", "finds"),
            ("statement", "reason"),
        )
    },
    "missing cited": (less(NUMBER, "cited"), "cited", "either cited or curve"),
    "missing cited of printed": (less(PRINTED, "cited"), "cited", "either cited or than"),
    # unknown names
    "unknown kind": (swap(NUMBER, '"number"', '"nunber"'), "kind", "did you mean 'number'"),
    "unknown metric": (swap(NUMBER, '"final_error"', '"final_eror"'), "metric", "'final_error'"),
    "unknown variant": (swap(NUMBER, '"as_written"', '"as_writen"'), "variant", "'as_written'"),
    "unknown curve": (swap(CURVE, '"figure-2"', '"figure-4"'), "curve", "figure-2, figure-3"),
    "unknown weight": (NUMBER + 'weight = "heavy"', "weight", "headline, supporting, erratum"),
    "unknown op": (swap(BODIES["bound"], '">"', '"=>"'), "op", ">, >=, <, <="),
    "op of another kind": (swap(BODIES["ordering"], '"<"', '"<="'), "op", "<, >"),
    "op ==": (swap(BODIES["bound"], '">"', '"=="'), "op", ">, >=, <, <="),
    "unknown scale": (NUMBER + 'scale = "logs"', "scale", "did you mean 'log'"),
    "scale of another kind": (BODIES["bound"] + 'scale = "log"', "scale", "linear, rank"),
    "unknown holds_for": (BODIES["bound"] + 'holds_for = "all"', "holds_for", "a run, the mean"),
    "unknown rival": (NUMBER + 'rivals = ["corected"]', "rivals", "did you mean 'corrected'"),
    "unknown value": (swap(PRINTED, '"last"', '"lest"'), "value", "did you mean 'last'"),
    "unknown than.metric": (
        swap(BODIES["ordering"], "{ variant", "{ metric"),
        "than.metric",
        "unknown metric 'corrected'",
    ),
    "unknown than.curve": (
        swap(PRINTED_THAN, "{ value", "{ curve"),
        "than.curve",
        "unknown curve 'first'",
    ),
    # values of the wrong type
    "says is a number": (swap(NUMBER, '"The error collapses."', "5"), "says", "no text"),
    "says is blank": (swap(NUMBER, '"The error collapses."', '" "'), "says", "no text"),
    "cited not in quotes": (swap(NUMBER, '"0.0500"', "0.0500"), "cited", "write it in quotes"),
    "cited no number": (swap(NUMBER, '"0.0500"', '"five"'), "cited", "'five' is no finite number"),
    "cited NaN": (swap(NUMBER, '"0.0500"', '"nan"'), "cited", "no finite number"),
    "cited infinite": (swap(BODIES["bound"], '"0.92"', '"inf"'), "cited", "no finite number"),
    "cited list of a number": (swap(NUMBER, '"0.0500"', '["1"]'), "cited", "no text"),
    "cited empty list": (swap(BODIES["exact"], '["784", "128"]', "[]"), "cited", "no text"),
    "cited list with a word": (swap(BODIES["exact"], '"128"', '"x"'), "cited", "'x'"),
    "at a fraction": (NUMBER + "at = 1.5", "at", "1.5 is no whole number"),
    "at a bool": (NUMBER + "at = true", "at", "no whole number"),
    "digits zero": (NUMBER + "digits = 0", "digits", "give 1 or more"),
    "margin zero": (NUMBER + "margin = 0", "margin", "not above zero"),
    "margin infinite": (NUMBER + "margin = inf", "margin", "no finite number"),
    "margin with a comma": (NUMBER + 'margin = "0,5"', "margin", "write '0.5'"),
    "share a word": (NUMBER + 'share = "yes"', "share", "neither true nor false"),
    "holds a word": (swap(BODIES["by_reading"], "false", '"no"'), "holds", "true nor false"),
    "rivals a word": (NUMBER + 'rivals = "corrected"', "rivals", "write it in brackets"),
    "than a word": (swap(BODIES["ordering"], '{ variant = "corrected" }', '"x"'), "than", "table"),
    "tolerance zero": (swap(BODIES["identity"], "1e-9", "0"), "tolerance", "not above zero"),
    "tolerance negative": (swap(BODIES["identity"], "1e-9", "-1e-9"), "tolerance", "above zero"),
    "tolerance a bool": (swap(BODIES["identity"], "1e-9", "true"), "tolerance", "no finite number"),
    "level a word": (
        swap(PRINTED, "last", "first_reaching") + 'level = "x"',
        "level",
        "no finite number",
    ),
    # values that contradict each other
    "cited and curve": (CURVE + 'cited = "1"', "cited", "not both"),
    "cited and than": (PRINTED_THAN + 'cited = "1"', "cited", "not both"),
    "at and curve": (CURVE + "at = 1", "at", "its own index"),
    "share and log": (NUMBER + 'share = true\nscale = "log"', "share", "linear"),
    "share above 1": (swap(NUMBER, "0.0500", "92") + "share = true", "share", "[0, 1]"),
    "log of zero": (swap(NUMBER, "0.0500", "0.0") + 'scale = "log"', "scale", "above zero"),
    "its own rival": (NUMBER + 'rivals = ["as_written"]', "rivals", "name another"),
    "rate above 1": (swap(BODIES["always"], "rate = 1", "rate = 1.5"), "rate", "1.5 is no share"),
    "rate below 0": (swap(BODIES["always"], "rate = 1", "rate = -1"), "rate", "no share"),
    "rate without op": (swap(BODIES["always"], "rate = 1", "rate = 0.5"), "op", "between 0 and 1"),
    "op without rate": (BODIES["always"] + 'op = ">"', "op", "between 0 and 1"),
    "compared with itself": (
        swap(BODIES["ordering"], '"corrected"', '"as_written"'),
        "than",
        "name another",
    ),
    "printed compared with itself": (
        swap(PRINTED_THAN, '"first"', '"last"'),
        "than",
        "name another",
    ),
    "least and least_factor": (
        BODIES["ordering"] + "least = 1\nleast_factor = 2",
        "least",
        "not both",
    ),
    "least_factor one": (BODIES["ordering"] + "least_factor = 1", "least_factor", "not above one"),
    "least negative": (BODIES["ordering"] + "least = -1", "least", "not above zero"),
    "printed at without at": (swap(PRINTED, "last", "at"), "at", 'goes with value = "at"'),
    "printed last with at": (PRINTED + "at = 1", "at", 'goes with value = "at"'),
    "printed beyond the curve": (swap(PRINTED, "last", "at") + "at = 3", "at", "3 points"),
    "printed no level": (swap(PRINTED, "last", "first_reaching"), "level", "first_reaching"),
    "printed last with level": (PRINTED + "level = 1", "level", "first_reaching"),
    "printed than beyond": (
        swap(PRINTED_THAN, '"first"', '"at", at = 9'),
        "than.at",
        "9 is no position",
    ),
    "rise of one point": (
        swap(swap(PRINTED, "figure-2", "figure-3"), "last", "rise"),
        "value",
        "needs two points",
    ),
}


@pytest.mark.parametrize(("body", "key", "what"), WRONG_CLAIMS.values(), ids=WRONG_CLAIMS)
def test_a_wrong_claim_is_one_line_with_file_claim_and_key(write, body, key, what):
    message = fault_of(write(HEAD + PASSAGE + body))
    place = "reproductions/xor_mlp/claims.toml: claim 'the-claim': "
    assert message.startswith(f"{place}key '{key}': "), message
    assert what in message


def test_a_claim_without_an_id_is_named_by_its_place(write):
    second = less(BODIES["can"], "id")
    message = fault_of(write(HEAD + PASSAGE + NUMBER + second))
    assert "claim 2 of passage 1: key 'id': is missing" in message


PLACES = '[[passage]]\nplaces = [{ source = "thesis", where = "1", quote = "q" }]\n'
WRONG_PASSAGES = {
    **{
        f"without {key}": (less(PASSAGE, key) + NUMBER, f"passage 1: key '{key}': is missing")
        for key in ("source", "where", "quote")
    },
    "without claims": (PASSAGE, "passage 1: key 'claim': is missing"),
    "claims empty": (PASSAGE + "claim = []", "key 'claim': is empty"),
    "claims no tables": (PASSAGE + "claim = 5", "key 'claim': 5 is no list of tables"),
    "without any id": (PASSAGE + less(NUMBER, "id"), "key 'claim.id': is missing in its first"),
    "unknown key": (
        PASSAGE + 'quotes = "x"\n' + NUMBER,
        "'quotes': is no key; did you mean 'quote",
    ),
    "blank quote": (swap(PASSAGE, "el error colapsa", " ") + NUMBER, "key 'quote': ' ' is no text"),
    "blank reading": (PASSAGE + 'reading = ""\n' + NUMBER, "key 'reading': '' is no text"),
    "unknown source": (swap(PASSAGE, "notes-2", "notes-3") + NUMBER, "did you mean 'notes-2'"),
    "source not in the head": (
        swap(PASSAGE, "notes-2", "paper") + NUMBER,
        "key 'source': unknown source 'paper'; choices: notes-2, thesis",
    ),
    "id used twice": (
        PASSAGE + 'id = "one"\n' + NUMBER + PASSAGE + 'id = "one"\n' + BODIES["can"],
        "passage 'one': key 'id': is used twice",
    ),
    "claim used twice": (
        PASSAGE + 'id = "one"\n' + NUMBER + PASSAGE + 'id = "two"\n' + NUMBER,
        "claim 'the-claim': key 'id': is used twice",
    ),
    "place without quote": (
        swap(PLACES, ', quote = "q"', "") + NUMBER,
        "key 'places.quote': is missing",
    ),
    "places empty": ("[[passage]]\nplaces = []\n" + NUMBER, "key 'places': is empty"),
    "places no list": ("[[passage]]\nplaces = 5\n" + NUMBER, "key 'places': 5 is no list"),
    "places and source": (
        swap(PLACES, "places", 'source = "thesis"\nplaces') + NUMBER,
        "key 'source': is no key",
    ),
}


@pytest.mark.parametrize(("text", "what"), WRONG_PASSAGES.values(), ids=WRONG_PASSAGES)
def test_a_wrong_passage_is_one_line(write, text, what):
    message = fault_of(write(HEAD + text))
    assert message.startswith("reproductions/xor_mlp/claims.toml: ")
    assert what in message


VARIANT = 'as_written = "The document\'s protocol."'
WRONG_FILES = {
    "no TOML": (HEAD + "[[passage", "is no valid TOML"),
    "empty": ("", "key 'reproduction': is missing"),
    "the old form": (HEAD + "[[claim]]\nid = 'x'", "key 'claim': is no key"),
    "unknown table": (HEAD + "[passages]", "key 'passages': is no key; did you mean 'passage'?"),
    "a key of two lines": (HEAD + '"a\\nb" = 1', r"key 'a\nb': is no key"),
    "passage no list": (HEAD + "[passage]", "key 'passage'"),
    "unknown head key": (
        swap(HEAD, "title =", "tittle ="),
        "reproduction: key 'tittle': is no key; did you mean 'title'?",
    ),
    "unknown document": (swap(HEAD, '"thesis"', '"tesis"'), "did you mean 'thesis'?"),
    "no documents": (swap(HEAD, '["notes-2", "thesis"]', "[]"), "key 'sources': is empty"),
    "minutes incomplete": (swap(HEAD, "standard = 1, ", ""), "'minutes.standard': is missing"),
    "minutes negative": (swap(HEAD, "full = 6.5", "full = -1"), "key 'minutes.full': -1"),
    "minimum_seeds too small": (
        swap(HEAD, "title", "minimum_seeds = 7\ntitle"),
        "key 'minimum_seeds': 7 is too few; give 8 or more",
    ),
    "no experiments": (
        "[experiments]\n[metrics]\n[reproduction]\n",
        "key 'experiments': is empty",
    ),
    "unknown data": (swap(HEAD, '["mnist"]', '["minst"]'), "key 'data': unknown data 'minst'"),
    "data no list": (swap(HEAD, '["mnist"]', '"mnist"'), "key 'data'"),
    "seeds incomplete": (
        swap(HEAD, "smoke = 2, ", ""),
        "experiment 'experiment': key 'seeds.smoke': is missing",
    ),
    "seeds missing": (swap(HEAD, "seeds = { smoke = 2", "# "), "key 'seeds': is missing"),
    "seeds unknown": (swap(HEAD, "full = 200", "ful = 200"), "key 'seeds.ful'"),
    "seeds zero": (swap(HEAD, "smoke = 2", "smoke = 0"), "key 'seeds.smoke': 0 is too few"),
    "seeds a fraction": (swap(HEAD, "smoke = 2", "smoke = 2.5"), "no whole number"),
    "experiment without file": (
        swap(HEAD, "experiments.experiment", "experiments.experimnt"),
        "experiment 'experimnt': key 'experimnt': there is no experimnt.py beside it",
    ),
    "experiment elsewhere": (
        swap(HEAD, "experiments.experiment", 'experiments."../x"'),
        "key '../x': is no name",
    ),
    "variant that the code has not": (
        swap(HEAD, "corrected = {", "correct = {"),
        "key 'variants.correct': is no variant of experiment.py; did you mean 'corrected'?",
    ),
    "variant that the TOML has not": (
        swap(HEAD, VARIANT, ""),
        "key 'variants.as_written': is missing; experiment.py has it",
    ),
    "variant without about": (
        swap(HEAD, 'about = "The sound one.", ', ""),
        "variant 'corrected': key 'about': is missing",
    ),
    "variant a number": (swap(HEAD, VARIANT, "as_written = 5"), "key 'about': 5 is no text"),
    "variant blank": (swap(HEAD, VARIANT, 'as_written = ""'), "key 'about': '' is no text"),
    "variant with unknown data": (swap(HEAD, "data = []", 'data = ["x"]'), "variant 'corrected'"),
    "variant with seeds missing": (
        swap(HEAD, "smoke = 1, ", ""),
        "variant 'corrected': key 'seeds.smoke': is missing",
    ),
    "variant with unknown key": (
        swap(HEAD, "data = []", "epochs = 5"),
        "variant 'corrected': key 'epochs'",
    ),
    "variant with a package that is none": (
        swap(HEAD, "data = []", 'packages = ["torch>=2"]'),
        "variant 'corrected': key 'packages': 'torch>=2' is no name to import",
    ),
    "metrics empty": (
        swap(HEAD.partition("[metrics]")[0], "[reproduction]", "[metrics]\n[reproduction]"),
        "key 'metrics': is empty",
    ),
    "metric blank": (
        swap(HEAD, '"Whether all four points are told apart."', '""'),
        "key 'metrics.learnt': '' is no text",
    ),
    "metric without a meaning": (
        swap(HEAD, 'means = "Mean loss of each epoch.", ', ""),
        "key 'metrics.losses.means': is missing",
    ),
    "metric with a wrong unit": (swap(HEAD, '"nats"', "5"), "'metrics.losses.unit': 5 is no text"),
    "metric with unknown key": (swap(HEAD, "unit =", "units ="), "did you mean 'unit'"),
    "metric with a dot": (
        swap(HEAD, "learnt =", '"a.b" ='),
        "key 'metrics.a.b': is no name",
    ),
    "array that is a metric": (
        HEAD + '[arrays]\nlearnt = "x"',
        "key 'arrays.learnt': is a metric, too",
    ),
    "curve without y": (curve(""), "curve 'figure-2': key 'y': is missing"),
    "curve too short": (curve("y = [1]"), "curve 'figure-2': key 'x': has 3 points where y has 1"),
    "curve empty": (swap(HEAD, 'x = [0]\ny = ["0.5"]', "x = []\ny = []"), "key 'x': is empty"),
    "curve of words": (curve('y = [1, 1, "x"]'), "curve 'figure-2': key 'y': 'x'"),
    "curve no list": (curve("y = 1"), "curve 'figure-2': key 'y': 1 is no list"),
    "curve with unknown key": (curve("y = [1, 2, 3]\nz = [1]"), "curve 'figure-2': key 'z'"),
    "curve index short": (curve("y = [1, 2, 3]\nindex = [0]"), "key 'index': has 1 points"),
    "curve index negative": (
        curve("y = [1, 2, 3]\nindex = [0, 1, -1]"),
        "'index': holds positions",
    ),
    "unknown default": (
        HEAD + '[defaults]\nwheight = "headline"',
        "defaults: key 'wheight': is no key; did you mean 'weight'?",
    ),
    "default id": (HEAD + '[defaults]\nid = "x"', "defaults: key 'id': is no key"),
    "default kind": (HEAD + '[defaults]\nkind = "number"', "defaults: key 'kind': is no key"),
    "default than": (HEAD + "[defaults]\nthan = { at = 1 }", "defaults: key 'than': is a table"),
    "wrong default": (
        HEAD + '[defaults]\nvariant = "x"\n' + PASSAGE + less(NUMBER, "variant"),
        "claim 'the-claim': key 'variant': unknown variant 'x'",
    ),
}


@pytest.mark.parametrize(("text", "what"), WRONG_FILES.values(), ids=WRONG_FILES)
def test_a_wrong_file_is_one_line(write, text, what):
    message = fault_of(write(text))
    assert message.startswith("reproductions/xor_mlp/claims.toml: ")
    assert what in message


def test_a_variant_stands_in_one_experiment_only(write):
    more = """
    [experiments.again]
    seeds = { smoke = 1, standard = 1, full = 1 }
    variants = { as_written = "Once more." }
    """
    path = write(HEAD + more, code={**CODE, "again": 'VARIANTS = {"as_written": Config()}'})
    message = "experiment 'again': key 'variants.as_written': is a variant of experiment.py too"
    assert message in fault_of(path)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("", "key 'variants.width_{hidden}': is missing; experiment.py has it"),
        ('"width_{n}" = "x"', "key 'variants.width_{n}': is no variant of experiment.py; did you"),
        ('"width_{hidden}" = "{n}."', "key 'about': 'n'; it may name {hidden}"),
        ('"width_{hidden}" = "{hidden"', "key 'about': expected '}'"),
        ('"width_{hidden}" = "{}"', "it may name {hidden}"),
        ('width_1 = "Only one of them."', "key 'variants.width_{hidden}': is missing"),
    ],
)
def test_a_sweep_that_does_not_fit_the_code(write, line, what):
    message = fault_of(write(swap(HEAD, "[metrics]", f"{line}\n[metrics]"), code=SWEPT))
    assert what in message


def test_an_experiment_file_at_fault_is_named(write):
    path = write(HEAD, code={"experiment": "VARIANTS = {"})
    place = "reproductions/xor_mlp/experiment.py: line 1: is no Python: "
    assert fault_of(path).startswith(place)


# --- files as editors and people leave them ------------------------------------------------------


def test_a_byte_order_mark_is_taken(write):
    path = write(HEAD + PASSAGE + NUMBER)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(claims.load(path).claims) == 1


def test_carriage_returns_are_taken(write):
    path = write(HEAD + PASSAGE + NUMBER)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert len(claims.load(path).claims) == 1


@pytest.mark.parametrize(
    "content",
    ["title = 'ñ'".encode("latin-1"), "title = 'x'".encode("utf-16")],
    ids=["latin-1", "utf-16"],
)
def test_another_encoding_is_told(write, content):
    path = write("")
    path.write_bytes(content)
    assert "is no UTF-8; save the file as UTF-8" in fault_of(path)


def test_a_file_that_cannot_be_read(tmp_path):
    folder = tmp_path / "reproductions" / "xor_mlp"
    missing = "reproductions/xor_mlp/claims.toml: cannot be read: No such file or directory"
    assert fault_of(folder / "claims.toml") == missing
    (folder / "claims.toml").mkdir(parents=True)
    assert "cannot be read: Is a directory" in fault_of(folder / "claims.toml")


def test_tables_nested_without_end(write):
    assert "is no valid TOML" in fault_of(write("a = " + "[" * 100_000))


def test_load_all_sorts_by_name(write):
    paths = [write(HEAD, name) for name in ("b", "a", "c")]
    assert list(claims.load_all(paths[0].parents[1])) == ["a", "b", "c"]


def test_stray_files_are_passed_over(write):
    folder = write(HEAD).parents[1]
    (folder / "__pycache__").mkdir()
    (folder / "__init__.py").touch()
    (folder / "xor_mlp.toml").write_text("nonsense [")
    (folder / ".#claims.toml").symlink_to("somebody@somewhere.4711")
    (folder / "broken_link").symlink_to("nowhere")
    (folder / "empty").mkdir()
    for name in (".hidden", "#xor_mlp#", "xor_mlp~", ".#xor_mlp", "odd\udce9"):
        try:
            (folder / name).mkdir()
        except (OSError, UnicodeError):
            continue  # a file system that keeps to Unicode
        (folder / name / "claims.toml").write_text("nonsense [")
    for name in (".claims.toml.swp", "#claims.toml#", "claims.toml~", ".#claims.toml"):
        (folder / "xor_mlp" / name).write_bytes(b"\xff\xfe\x00nonsense")
    assert list(claims.load_all(folder)) == ["xor_mlp"]


def test_a_folder_that_cannot_be_imported_is_told(write):
    folder = write(HEAD, "xor-mlp").parents[1]
    with pytest.raises(errors.UserError, match=r"xor-mlp.*'xor-mlp' cannot be imported; rename"):
        claims.load_all(folder)


def test_no_folder_at_all(tmp_path):
    with pytest.raises(errors.UserError, match=r"^reproductions: cannot be read: No such file"):
        claims.load_all(tmp_path / "reproductions")


def test_loading_is_quick_and_imports_the_standard_library_only(write):
    many = "".join(NUMBER.replace("the-claim", f"claim-{i}") for i in range(25))
    for i in range(20):
        folder = write(HEAD + PASSAGE + many, f"reproduction_{i}").parents[1]
    start = time.process_time()
    assert len(claims.load_all(folder)) == 20
    assert time.process_time() - start < 0.5  # 0.1 s on a quiet machine
    command = "import sys; from common import claims; print({'numpy', 'rich'} & sys.modules.keys())"
    found = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "set()"


def test_every_data_set_that_a_claim_may_name_is_known_to_the_loader():
    assert set(data.versions(claims.DATA)) == set(claims.DATA)


def test_every_document_of_ours_has_its_file_and_every_companion_its_address():
    assert len(sources.SOURCES) == 9
    for key, source in sources.SOURCES.items():
        assert source.key == key
        assert (source.file is None) == source.title.startswith("github.com/")


# --- findings ------------------------------------------------------------------------------------

FINDING = """
[[finding]]
title = "It collapses?"
claims = ["the-claim"]
figure = "figure_2"
plots = "The sum of {as_written.losses[3]:.2f}."
unseen = "Nothing."
why = "Because."
works = "More."
"""


def test_a_finding(write):
    (finding,) = claims.load(write(HEAD + PASSAGE + NUMBER + FINDING)).findings
    assert (finding.claims, finding.figure) == (("the-claim",), "figure_2")
    assert claims.parts(finding.plots) == [
        "The sum of ",
        claims.Quantity("as_written", "losses", 3, ".2f"),
        ".",
    ]
    assert finding.shown == "refuted"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("the-claim", "the-clam", "key 'claims'"),
        ('["the-claim"]', "[]", "key 'claims': is empty"),
        ("as_written", "as_writen", "key 'plots': unknown plots 'as_writen'; did you mean"),
        ("losses[3]", "lossess", "key 'plots': unknown plots 'lossess'; did you mean"),
        ("losses[3]", "losses[a]", "key 'plots': {as_written.losses[a]} is no"),
        ("{as_written", "as_written", "key 'plots': Single '}'"),
        ('why = "Because."', "", "key 'why': is missing"),
        ("figure =", "figures =", "key 'figures': is no key; did you mean 'figure'"),
        ("figure =", 'shown = "now"\nfigure =', "key 'shown': unknown shown 'now'"),
    ],
)
def test_a_faulty_finding(write, old, new, fault):
    faulty = swap(FINDING, old, new)
    message = fault_of(write(HEAD + PASSAGE + NUMBER + faulty))
    assert f"finding 1: {fault}" in message
