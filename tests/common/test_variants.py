"""Sweeps, and what is read of an experiment file without running it."""

import ast
import dataclasses
import subprocess
import sys

import pytest

from common import errors, variants


@dataclasses.dataclass(frozen=True)
class Config:
    hidden: int | tuple[int, ...] = 10
    rate: float = 0.5
    epochs: int = 100


CODE = '''"""An experiment that fails where it is run."""

import nothing_of_that_name

from common import variants


@dataclasses.dataclass(frozen=True)
class Config:
    hidden: int = 10
    rate: float = 0.5  # assumed
    epochs: int = 100


VARIANTS = {
    "as_written": Config(),
    **variants.sweep("width_{hidden}", Config(rate=0.1), hidden=[1, 2, 3]),
    "corrected": dataclasses.replace(SOUND, epochs=5),
}
'''
SHORTENED = """
SHORTENED: dict[str, dict] = {
    "smoke": {"epochs": 2, "rate": 1.0},
    "standard": {"width_2": {"epochs": 11, "hidden": (1, -2)}, "epochs": 20},
}
"""


@pytest.fixture
def write(tmp_path):
    def write(code):
        path = tmp_path / "reproductions" / "xor_mlp" / "experiment.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(code if isinstance(code, bytes) else code.encode())
        return path

    return write


def swap(code: str, old: str, new: str) -> str:
    assert old in code
    return code.replace(old, new)


def dumped(entry: variants.Entry) -> str:
    return f"{ast.dump(entry.expression)} {entry.values}"


# --- sweep ---------------------------------------------------------------------------------------


def test_a_sweep_has_a_variant_for_each_value():
    swept = variants.sweep("width_{hidden}", Config(rate=0.1), hidden=[1, 2])
    assert swept == {"width_1": Config(1, 0.1), "width_2": Config(2, 0.1)}


def test_several_lists_give_their_product():
    swept = variants.sweep("h{hidden}_e{epochs}", Config(), hidden=[1, 2], epochs=[5, 6])
    assert list(swept) == ["h1_e5", "h1_e6", "h2_e5", "h2_e6"]
    assert swept["h2_e5"] == Config(2, 0.5, 5)


def test_a_pattern_may_take_a_part_of_a_value():
    swept = variants.sweep("hidden_{hidden[0]}", Config(), hidden=[(1, 9), (2, 9)])
    assert swept["hidden_2"].hidden == (2, 9)


# --- read ----------------------------------------------------------------------------------------


def test_read_gives_the_variants_in_order_without_running_the_file(write):
    entries = variants.read(write(CODE))
    assert list(entries) == ["as_written", "width_1", "width_2", "width_3", "corrected"]
    assert all(entry.name == name for name, entry in entries.items())
    assert ast.unparse(entries["corrected"].expression) == "dataclasses.replace(SOUND, epochs=5)"
    assert (entries["corrected"].values, entries["corrected"].pattern) == ({}, "")
    assert ast.unparse(entries["width_2"].expression) == "Config(rate=0.1)"
    assert (entries["width_2"].values, entries["width_2"].pattern) == (
        {"hidden": 2},
        "width_{hidden}",
    )


def test_read_names_what_the_code_names(write):
    lists = "hidden=[(1, 9), (2, 9)], epochs=(5, 6)"
    pattern = "h{hidden[0]}_e{epochs}"
    code = f'VARIANTS = {{**variants.sweep("{pattern}", Config(), {lists})}}'
    swept = variants.sweep(pattern, Config(), hidden=[(1, 9), (2, 9)], epochs=(5, 6))
    entries = variants.read(write(code))
    assert list(entries) == list(swept)
    assert all(
        dataclasses.replace(Config(), **entry.values) == swept[name]
        for name, entry in entries.items()
    )


@pytest.mark.parametrize(
    ("old", "new", "touched"),
    [
        ("[1, 2, 3]", "[1, 2, 3, 4]", {"width_4"}),
        ("[1, 2, 3]", "[4, 3, 2, 1]", {"width_4"}),
        ("[1, 2, 3]", "[1, 2]", {"width_3"}),
        ("Config(rate=0.1)", "Config(rate=0.2)", {"width_1", "width_2", "width_3"}),
        ("epochs=5", "epochs=6", {"corrected"}),
        ('"as_written"', '"more": Config(), "as_written"', {"more"}),
        ("epochs: int = 100", "epochs: int = 200", set()),
    ],
)
def test_an_edit_touches_only_its_own_variants(write, old, new, touched):
    before, after = variants.read(write(CODE)), variants.read(write(swap(CODE, old, new)))
    changed = {
        name
        for name in before.keys() | after.keys()
        if name not in before or name not in after or dumped(before[name]) != dumped(after[name])
    }
    assert changed == touched


@pytest.mark.parametrize(
    "code",
    [
        b"\xef\xbb\xbf" + CODE.encode(),
        CODE.encode().replace(b"\n", b"\r\n"),
        b"# coding: latin-1\n# \xe9\n" + CODE.encode(),
    ],
    ids=["byte order mark", "carriage returns", "a declared encoding"],
)
def test_a_file_as_editors_leave_it(write, code):
    assert len(variants.read(write(code))) == 5


WRONG = {
    "no Python": ("VARIANTS = {", "line 1: is no Python: '{' was never closed"),
    "odd bytes": (b"# \xe9\n", "is no Python: "),
    "null bytes": (b"x = 1\x00", "is no Python: "),
    "nested without end": ("x = " + "-" * 100_000 + "1", "is no Python: "),
    "no variants": ("x = 1", 'declares no VARIANTS; write VARIANTS = {"as_written": Config()}'),
    "empty": ("VARIANTS = {}", "line 1: VARIANTS is empty"),
    "declared only": ("VARIANTS: dict[str, Config]", "line 1: VARIANTS is no constant"),
    "inside a condition": ("if True:\n    VARIANTS = {}", "line 2: VARIANTS is no constant"),
    "a comprehension": (
        "\nVARIANTS = {name: Config(name) for name in NAMES}",
        "line 2: VARIANTS is no literal dict",
    ),
    "a call": ("VARIANTS = dict(as_written=Config())", "VARIANTS is no literal dict"),
    "a computed name": (
        'VARIANTS = {f"width_{n}": Config()}',
        "line 1: a variant's name is a text in quotes, and not f'width_{n}'",
    ),
    "a number as name": ("VARIANTS = {5: Config()}", "is a text in quotes, and not 5"),
    "a name with a point": ('VARIANTS = {"rate_0.5": 1}', "'rate_0.5': a name has only letters"),
    "a name with a slash": ('VARIANTS = {"a/b": 1}', "'a/b': a name has only letters"),
    "twice": (
        'VARIANTS = {\n"a": Config(),\n"a": Config()}',
        "line 3: variant 'a' is declared twice",
    ),
    "swept twice": (
        'VARIANTS = {"n_1": 1, **variants.sweep("n_{n}", 1, n=[1])}',
        "variant 'n_1' is declared twice",
    ),
    "swept to one name": (
        'VARIANTS = {**variants.sweep("n", Config(), hidden=[1, 2])}',
        "variant 'n' is declared twice",
    ),
    "changed below": (
        'VARIANTS = {"a": 1}\n\nVARIANTS["b"] = 2',
        "line 3: VARIANTS is changed here; declare it once",
    ),
    "updated below": ('VARIANTS = {"a": 1}\nVARIANTS.update(b=2)', "line 2: VARIANTS is changed"),
    "added to": ('VARIANTS = {"a": 1}\nVARIANTS |= {"b": 2}', "line 2: VARIANTS is changed"),
    "deleted from": ('VARIANTS = {"a": 1}\ndel VARIANTS["a"]', "line 2: VARIANTS is changed"),
    "other stars": ("VARIANTS = {**OTHERS}", "** takes variants.sweep(...), and not OTHERS"),
    "other sweeps": ('VARIANTS = {**sweep("n_{n}", 1, n=[1])}', "** takes variants.sweep(...)"),
    "sweep without a base": (
        'VARIANTS = {**variants.sweep("n_{n}", n=[1])}',
        'write variants.sweep("width_{hidden}", Config(), hidden=[1, 2])',
    ),
    "sweep without lists": ('VARIANTS = {**variants.sweep("n", Config())}', "hidden=[1, 2])"),
    "sweep over a name": (
        'VARIANTS = {**variants.sweep("n_{n}", 1, n=WIDTHS)}',
        "the list of 'n' is read without running the file; write it out, not WIDTHS",
    ),
    "sweep over a range": (
        'VARIANTS = {**variants.sweep("n_{n}", 1, n=range(3))}',
        "write it out, not range(3)",
    ),
    "sweep over nothing": (
        'VARIANTS = {**variants.sweep("n_{n}", 1, n=[])}',
        "'n' needs a list of values, and not []",
    ),
    "sweep over a number": (
        'VARIANTS = {**variants.sweep("n_{n}", 1, n=5)}',
        "'n' needs a list of values, and not 5",
    ),
    "sweep by stars": (
        'VARIANTS = {**variants.sweep("n_{n}", 1, **LISTS)}',
        "lists are written out",
    ),
    "pattern of another field": (
        'VARIANTS = {**variants.sweep("n_{m}", 1, n=[1])}',
        "the pattern 'n_{m}' does not go with n",
    ),
    "pattern without end": (
        'VARIANTS = {**variants.sweep("n_{n", 1, n=[1])}',
        "the pattern 'n_{n' does not go with n",
    ),
    "pattern computed": (
        "VARIANTS = {**variants.sweep(PATTERN, 1, n=[1])}",
        "a sweep's pattern is a text in quotes, and not PATTERN",
    ),
    "swept to a name with a point": (
        'VARIANTS = {**variants.sweep("rate_{rate}", 1, rate=[0.5])}',
        "variant 'rate_0.5': a name has only letters, digits and _",
    ),
}


@pytest.mark.parametrize(("code", "what"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_is_one_line_with_file_and_line(write, code, what):
    with pytest.raises(errors.UserError) as caught:
        variants.read(write(code))
    message = str(caught.value)
    assert message.startswith("reproductions/xor_mlp/experiment.py: ")
    assert what in message
    assert "\n" not in message


def test_a_file_that_is_not_there(tmp_path):
    path = tmp_path / "experiment.py"
    for ask in (variants.read, lambda path: variants.shortened(path, "smoke", "as_written")):
        with pytest.raises(errors.UserError, match=r"experiment.py: cannot be read: No such file"):
            ask(path)


# --- shortened -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "variant", "expected"),
    [
        ("smoke", "as_written", {"epochs": 2, "rate": 1.0}),
        ("smoke", "width_2", {"epochs": 2, "rate": 1.0}),
        ("standard", "as_written", {"epochs": 20}),
        ("standard", "width_2", {"epochs": 11, "hidden": (1, -2)}),
        ("full", "as_written", {}),
    ],
)
def test_shortened_fields(write, profile, variant, expected):
    assert variants.shortened(write(CODE + SHORTENED), profile, variant) == expected


def test_nothing_is_shortened_where_nothing_is_declared(write):
    assert variants.shortened(write(CODE), "smoke", "as_written") == {}


def test_fields_are_not_checked_where_the_text_does_not_tell_them(write):
    code = swap(CODE, "class Config:", "class Config(Base):")
    code += 'SHORTENED = {"smoke": {"depth": 1}}'
    assert variants.shortened(write(code), "smoke", "as_written") == {"depth": 1}


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("SHORTENED = short()", "SHORTENED is read without running the file; write it out, not"),
        ('SHORTENED = {"smoke": {"epochs": N}}', "write it out"),
        ("SHORTENED = 5", "SHORTENED is no dict, but 5"),
        ('SHORTENED = {"smoke": 2}', "SHORTENED['smoke'] is no dict, but 2"),
        ('SHORTENED = {"smok": {}}', "SHORTENED has the unknown key 'smok'; did you mean 'smoke'?"),
        ('SHORTENED = {"smoke": {"epoch": 2}}', "unknown key 'epoch'; did you mean 'epochs'?"),
        ('SHORTENED = {"smoke": {"width_9": {"epochs": 2}}}', "unknown key 'width_9'; did you"),
        ('SHORTENED = {"smoke": {"width_1": 2}}', "SHORTENED['smoke']['width_1'] is no dict"),
        ('SHORTENED = {"smoke": {"width_1": {"x": 2}}}', "['width_1'] has the unknown key 'x'"),
        ('SHORTENED = {}\nSHORTENED["smoke"] = {}', "SHORTENED is changed here"),
    ],
)
def test_a_wrong_shortened_is_one_line(write, line, what):
    with pytest.raises(errors.UserError) as caught:
        variants.shortened(write(CODE + line), "full", "as_written")
    message = str(caught.value)
    assert message.startswith("reproductions/xor_mlp/experiment.py: line ")
    assert what in message
    assert "\n" not in message


def test_only_the_standard_library_is_imported():
    command = "import sys; from common import variants; print({'numpy', 'keras'} & {*sys.modules})"
    found = subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "set()"
