"""The TOML files: what they become, and one line for everything that can be wrong in them."""

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
data = ["mnist"]
minutes = { standard = 1, full = 6.5 }
seeds = { smoke = 2, standard = 50, full = 200 }
metrics = ["final_error", "losses", "learnt"]

[reproduction.variants.as_written]
about = "The document's protocol."
[reproduction.variants.corrected]
about = "The sound one."
seeds = { smoke = 1, standard = 5, full = 8 }
data = []

[reproduction.curves.figure-2]
x = [0, 2000]
y = ["0.250", 0.003]
"""
PLACE = """
[[claim]]
id = "the-claim"
source = "notes-2"
where = "2.3"
quote = "el error colapsa"
says = "The error collapses."
variant = "as_written"
metric = "final_error"
"""
NUMBER = PLACE + 'kind = "number"\ncited = "0.0500"\n'
BODIES = {
    "exact": PLACE + 'kind = "exact"\ncited = ["784", "128"]\n',
    "identity": PLACE + 'kind = "identity"\ntolerance = 1e-9\n',
    "number": NUMBER,
    "bound": PLACE + 'kind = "bound"\nop = ">"\ncited = "0.92"\n',
    "ordering": PLACE + 'kind = "ordering"\nop = "<"\nthan = { variant = "corrected" }\n',
    "always": PLACE + 'kind = "always"\nrate = 1\n',
    "statement": PLACE.replace('variant = "as_written"\nmetric = "final_error"\n', "")
    + 'kind = "statement"\nreason = "An opinion."\n',
}


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "xor_mlp") -> pathlib.Path:
        path = tmp_path / "reproductions" / f"{name}.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    return write


def only_claim(path: pathlib.Path) -> claims.Claim:
    (claim,) = claims.load(path).claims
    return claim


def test_the_head(write):
    reproduction = claims.load(write(HEAD + NUMBER))
    assert (reproduction.name, reproduction.minutes) == ("xor_mlp", {"standard": 1, "full": 6.5})
    assert (reproduction.minimum_seeds, reproduction.seed_seconds) == (10, 120)
    as_written, corrected = reproduction.variants.values()
    assert as_written.seeds == {"smoke": 2, "standard": 50, "full": 200}
    assert (as_written.data, corrected.data) == (("mnist",), ())
    assert corrected.seeds["full"] == 8
    curve = reproduction.curves["figure-2"]
    assert curve.y == (decimal.Decimal("0.250"), decimal.Decimal("0.003"))
    assert (curve.index, str(curve.y[0])) == (None, "0.250")
    assert curve.points == ([0.0, 2000.0], [0.25, 0.003])


def test_a_number_keeps_its_digits(write):
    claim = only_claim(write(HEAD + NUMBER))
    assert isinstance(claim, claims.Number)
    assert (str(claim.cited), claim.stated, claim.weight) == ("0.0500", "0.0500", "supporting")
    assert claim.places == (claims.Place("notes-2", "2.3", "el error colapsa"),)


@pytest.mark.parametrize(
    ("kind", "stated"),
    [
        ("exact", "[784, 128]"),
        ("identity", "<= 1E-9"),
        ("number", "0.0500"),
        ("bound", "> 0.92"),
        ("ordering", "< in corrected"),
        ("always", "always"),
        ("statement", None),
    ],
)
def test_every_kind_has_its_class(write, kind, stated):
    claim = only_claim(write(HEAD + BODIES[kind]))
    assert (type(claim), claim.stated) == (claims.KINDS[kind], stated)


def test_missing_parts_of_than_are_the_claims_own(write):
    body = BODIES["ordering"].replace('{ variant = "corrected" }', "{ at = 0 }") + "at = 5\n"
    claim = only_claim(write(HEAD + body))
    assert isinstance(claim, claims.Ordering)
    assert claim.than == claims.Than("as_written", "final_error", 0)


def test_several_places(write):
    body = NUMBER.replace(
        'source = "notes-2"\nwhere = "2.3"\nquote = "el error colapsa"\n', ""
    ) + "".join(
        f'[[claim.sources]]\nsource = "{key}"\nwhere = "1"\nquote = "q"\n'
        for key in ("notes-2", "thesis")
    )
    places = only_claim(write(HEAD + body)).places
    assert [place.source for place in places] == ["notes-2", "thesis"]


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


# --- everything that can be wrong ----------------------------------------------------------------


def swap(body: str, old: str, new: str) -> str:
    assert old in body
    return body.replace(old, new)


def curve(text: str) -> str:
    return swap(HEAD, 'y = ["0.250", 0.003]', text)


CURVE = swap(NUMBER, 'cited = "0.0500"', 'curve = "figure-2"')
WRONG_CLAIMS = {
    # unknown or misplaced keys
    "unknown key": (NUMBER + "marjin = 1", "marjin", "did you mean 'margin'"),
    "key of another kind": (NUMBER + "tolerance = 1", "tolerance", "kind 'number'"),
    "reason of a number": (NUMBER + 'reason = "x"', "reason", "kind 'number'"),
    "unknown key in than": (
        swap(BODIES["ordering"], "{ variant", "{ varian"),
        "varian",
        "did you mean 'variant'",
    ),
    # missing keys
    **{
        f"missing {key}": (
            "".join(line for line in NUMBER.splitlines(True) if not line.startswith(f"{key} =")),
            key,
            "is missing",
        )
        for key in ("id", "source", "where", "quote", "says", "kind", "variant", "metric")
    },
    "missing reason": (
        swap(BODIES["statement"], 'reason = "An opinion."', ""),
        "reason",
        "missing",
    ),
    "missing rate": (swap(BODIES["always"], "rate = 1", ""), "rate", "missing"),
    "missing op": (swap(BODIES["bound"], 'op = ">"', ""), "op", "missing"),
    "missing tolerance": (swap(BODIES["identity"], "tolerance = 1e-9", ""), "tolerance", "missing"),
    "missing cited": (swap(NUMBER, 'cited = "0.0500"', ""), "cited", "either cited or curve"),
    # unknown names
    "unknown kind": (swap(NUMBER, '"number"', '"nunber"'), "kind", "did you mean 'number'"),
    "unknown metric": (swap(NUMBER, '"final_error"', '"final_eror"'), "metric", "'final_error'"),
    "unknown variant": (swap(NUMBER, '"as_written"', '"as_writen"'), "variant", "'as_written'"),
    "unknown curve": (swap(CURVE, '"figure-2"', '"figure-3"'), "curve", "'figure-2'"),
    "unknown source": (swap(NUMBER, '"notes-2"', '"notes-3"'), "source", "'notes-2'"),
    "source not in the head": (swap(NUMBER, '"notes-2"', '"paper"'), "source", "notes-2, thesis"),
    "unknown weight": (NUMBER + 'weight = "heavy"', "weight", "headline, supporting, erratum"),
    "unknown op": (swap(BODIES["bound"], '">"', '"=>"'), "op", ">, >=, <, <="),
    "op of another kind": (swap(BODIES["ordering"], '"<"', '"<="'), "op", "<, >"),
    "unknown scale": (NUMBER + 'scale = "logs"', "scale", "did you mean 'log'"),
    "unknown than.metric": (
        swap(BODIES["ordering"], "{ variant", "{ metric"),
        "than.metric",
        "unknown metric 'corrected'",
    ),
    # values of the wrong type
    "empty quote": (swap(NUMBER, '"el error colapsa"', '" "'), "quote", "no text"),
    "says is a number": (swap(NUMBER, '"The error collapses."', "5"), "says", "no text"),
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
    "share a word": (NUMBER + 'share = "yes"', "share", "neither true nor false"),
    "than a word": (swap(BODIES["ordering"], '{ variant = "corrected" }', '"x"'), "than", "table"),
    "tolerance zero": (swap(BODIES["identity"], "1e-9", "0"), "tolerance", "not above zero"),
    "tolerance negative": (swap(BODIES["identity"], "1e-9", "-1e-9"), "tolerance", "above zero"),
    "tolerance a bool": (swap(BODIES["identity"], "1e-9", "true"), "tolerance", "no finite number"),
    "sources no tables": (
        swap(
            NUMBER, 'source = "notes-2"\nwhere = "2.3"\nquote = "el error colapsa"', "sources = 1"
        ),
        "sources",
        "write [[sources]]",
    ),
    # values that contradict each other
    "cited and curve": (CURVE + 'cited = "1"', "cited", "not both"),
    "at and curve": (CURVE + "at = 1", "at", "its own index"),
    "rank and curve": (CURVE + 'scale = "rank"', "scale", "linear or the log"),
    "share and log": (NUMBER + 'share = true\nscale = "log"', "share", "linear"),
    "share above 1": (swap(NUMBER, "0.0500", "92") + "share = true", "share", "[0, 1]"),
    "log of zero": (swap(NUMBER, "0.0500", "0.0") + 'scale = "log"', "scale", "above zero"),
    "rate above 1": (swap(BODIES["always"], "rate = 1", "rate = 1.5"), "rate", "1.5 is no share"),
    "rate below 0": (swap(BODIES["always"], "rate = 1", "rate = -1"), "rate", "no share"),
    "rate without op": (swap(BODIES["always"], "rate = 1", "rate = 0.5"), "op", "between 0 and 1"),
    "op without rate": (BODIES["always"] + 'op = ">"', "op", "between 0 and 1"),
    "compared with itself": (
        swap(BODIES["ordering"], '"corrected"', '"as_written"'),
        "than",
        "name another",
    ),
}


@pytest.mark.parametrize(("body", "key", "what"), WRONG_CLAIMS.values(), ids=WRONG_CLAIMS)
def test_a_wrong_claim_is_one_line_with_file_claim_and_key(write, body, key, what):
    with pytest.raises(errors.UserError) as caught:
        claims.load(write(HEAD + body))
    message = str(caught.value)
    name = "claim 1" if 'id = "the-claim"' not in body else "claim 'the-claim'"
    assert message.startswith(f"reproductions/xor_mlp.toml: {name}: key '"), message
    assert f"{key}':" in message
    assert what in message
    assert "\n" not in message


WRONG_FILES = {
    "no TOML": (HEAD + "[[claim", "reproductions/xor_mlp.toml: is no valid TOML"),
    "empty": ("", "key 'reproduction': is missing"),
    "unknown table": (HEAD + "[claims]", "key 'claims': is no key; did you mean 'claim'?"),
    "claim no list": (HEAD + "[claim]", "key 'claim'"),
    "duplicate id": (HEAD + NUMBER + NUMBER, "claim 'the-claim': key 'id': is used twice"),
    "unknown head key": (
        swap(HEAD, "title =", "tittle ="),
        "reproduction: key 'tittle': is no key; did you mean 'title'?",
    ),
    "unknown document": (swap(HEAD, '"thesis"', '"tesis"'), "did you mean 'thesis'?"),
    "no documents": (swap(HEAD, '["notes-2", "thesis"]', "[]"), "key 'sources': is empty"),
    "unknown data": (swap(HEAD, '["mnist"]', '["minst"]'), "key 'data': unknown data 'minst'"),
    "data no list": (swap(HEAD, '["mnist"]', '"mnist"'), "key 'data'"),
    "minutes incomplete": (swap(HEAD, "standard = 1, ", ""), "'minutes.standard': is missing"),
    "minutes negative": (swap(HEAD, "full = 6.5", "full = -1"), "key 'minutes.full': -1"),
    "seeds incomplete": (swap(HEAD, "smoke = 2, ", ""), "key 'seeds.smoke': is missing"),
    "seeds unknown": (swap(HEAD, "full = 200", "ful = 200"), "key 'seeds.ful'"),
    "seeds zero": (swap(HEAD, "smoke = 2", "smoke = 0"), "key 'seeds.smoke': 0 is too few"),
    "seeds a fraction": (swap(HEAD, "smoke = 2", "smoke = 2.5"), "no whole number"),
    "minimum_seeds too small": (
        swap(HEAD, "data = [", "minimum_seeds = 7\ndata = [").replace("data = []\n", "", 1),
        "key 'minimum_seeds': 7 is too few; give 8 or more",
    ),
    "metrics a word": (
        swap(HEAD, '["final_error", "losses", "learnt"]', '"loss"'),
        "key 'metrics': 'loss' is no list",
    ),
    "variant without about": (
        swap(HEAD, 'about = "The sound one."', ""),
        "variant 'corrected': key 'about': is missing",
    ),
    "variant with unknown data": (swap(HEAD, "data = []", 'data = ["x"]'), "variant 'corrected'"),
    "variant with seeds missing": (
        swap(HEAD, "smoke = 1, ", ""),
        "variant 'corrected': key 'seeds.smoke': is missing",
    ),
    "variant with unknown key": (
        swap(HEAD, 'about = "The sound one."', 'about = "x"\nepochs = 5'),
        "variant 'corrected': key 'epochs'",
    ),
    "curve without y": (curve(""), "curve 'figure-2': key 'y': is missing"),
    "curve too short": (curve("y = [1]"), "curve 'figure-2': key 'x': has 2 points where y has 1"),
    "curve of words": (curve('y = [1, "x"]'), "curve 'figure-2': key 'y': 'x'"),
    "curve index too short": (curve("y = [1, 2]\nindex = [0]"), "key 'index': has 1 points"),
    "curve index negative": (curve("y = [1, 2]\nindex = [0, -1]"), "key 'index': holds positions"),
}


@pytest.mark.parametrize(("text", "what"), WRONG_FILES.values(), ids=WRONG_FILES)
def test_a_wrong_file_is_one_line(write, text, what):
    with pytest.raises(errors.UserError) as caught:
        claims.load(write(text))
    message = str(caught.value)
    assert message.startswith("reproductions/xor_mlp.toml: ")
    assert what in message
    assert "\n" not in message


def test_a_file_that_cannot_be_read(tmp_path, write):
    with pytest.raises(errors.UserError, match=r"xor_mlp.toml: cannot be read: No such file"):
        claims.load(tmp_path / "xor_mlp.toml")
    path = write("")
    path.write_bytes(b"title = '\xff'")
    with pytest.raises(errors.UserError, match="is no valid TOML"):
        claims.load(path)


# --- the folder ----------------------------------------------------------------------------------


def test_load_all_sorts_by_name(write):
    paths = [write(HEAD, name) for name in ("b", "a", "c")]
    assert list(claims.load_all(paths[0].parent)) == ["a", "b", "c"]


def test_loading_is_quick_and_imports_the_standard_library_only(write):
    many = "".join(NUMBER.replace("the-claim", f"claim-{i}") for i in range(25))
    for i in range(20):
        folder = write(HEAD + many, f"reproduction_{i}").parent
    start = time.perf_counter()
    assert len(claims.load_all(folder)) == 20
    assert time.perf_counter() - start < 0.5  # 0.1 s on a quiet machine
    command = "import sys; from common import claims; print('numpy' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "False"


def test_every_data_set_that_a_claim_may_name_is_known_to_the_loader():
    assert set(data.versions(claims.DATA)) == set(claims.DATA)


def test_every_document_of_ours_has_its_file_and_every_companion_its_address():
    assert len(sources.SOURCES) == 9
    for key, source in sources.SOURCES.items():
        assert source.key == key
        assert (source.file is None) == source.title.startswith("github.com/")


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
    (finding,) = claims.load(write(HEAD + NUMBER + FINDING)).findings
    assert (finding.claims, finding.figure) == (("the-claim",), "figure_2")
    assert claims.parts(finding.plots) == [
        "The sum of ",
        claims.Quantity("as_written", "losses", 3, ".2f"),
        ".",
    ]


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
    ],
)
def test_a_faulty_finding(write, old, new, fault):
    faulty = FINDING.replace(old, new)
    assert faulty != FINDING
    with pytest.raises(errors.UserError) as raised:
        claims.load(write(HEAD + NUMBER + faulty))
    assert f"finding 1: {fault}" in str(raised.value)
    assert "\n" not in str(raised.value)
