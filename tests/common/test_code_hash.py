"""Small trees of files that are edited: which variants have another hash then?"""

import pathlib
import shutil
import textwrap

import pytest

from common import code_hash, errors

ROOT = pathlib.Path(__file__).parents[2]

EXPERIMENT = '''
"""What it reproduces."""
import dataclasses
import keras
import numpy as np
import scipy
from common import convnets, training, variants
from common import optimizers as rules
from common.data import mnist
from common.protocols import paper
import common.losses as errors_of
import common.shapes
from reproductions.example import layers
from reproductions.other import measures

keras.config.set_floatx("float64")

@dataclasses.dataclass(frozen=True)
class Config:
    """The protocol."""
    rate: float = 0.5
    hidden: int = 2

RATE = 0.25
LIMIT = 3
STEPS = [1, 2]
STEPS += [3]
UNUSED = 7
VARIANTS = {
    "as_written": Config(),
    "slow": Config(rate=RATE),
    **variants.sweep("width_{hidden}", Config(rate=0.1), hidden=[1, 2]),
}
SHORTENED = {"smoke": {"rate": 1}}

def build_model(config):
    return keras.Sequential([keras.layers.Dense(config.hidden)])

def run(config, seeds):
    """Yield measurements."""
    inputs = mnist.load()
    trainer = training.Trainer(build_model(config), rules.Momentum())
    for seed in seeds:
        yield measure(trainer, inputs)  # all of them

def measure(trainer, scipy):
    from common import late
    value = keras.ops.sum(STEPS) + layers.depth() + measures.area() + late.value()
    convnets.build(), paper.network(), errors_of.squared(), common.shapes.square()
    return [unused * LIMIT for unused in trainer.train(scipy, value)]

def unused():
    return training.helper()

if __name__ == "__main__":
    print("run")
'''

TREE = {
    "reproductions/example/experiment.py": EXPERIMENT,
    "reproductions/example/layers.py": """
        def depth(): return 1
        def unused(): return 2
        """,
    "reproductions/example/figures.py": "COLOUR = 1",
    "reproductions/example/claims.toml": "title = 1",
    "reproductions/other/measures.py": "def area(): return 1",
    "common/__init__.py": "",
    "common/training/__init__.py": "from common.training.trainer import Trainer, helper",
    "common/training/trainer.py": """
        import keras
        from common.training import steps

        RATE = 0.1
        COMPILED = {}
        COMPILED["train"] = steps.one

        class Base:
            def train(self, inputs, value):
                return steps.one(RATE)

        class Trainer(Base):
            def __init__(self, model, optimizer):
                self.model = model

        def helper(): return 1
        """,
    "common/training/steps.py": """
        def one(rate): return rate
        def two(rate): return rate
        """,
    "common/optimizers.py": """
        class Momentum: pass
        class Adam: pass
        """,
    "common/data/__init__.py": """
        from common.data import iris, mnist
        def prepare(): return [iris.load, mnist.load]
        """,
    "common/data/mnist.py": """
        import functools
        @functools.cache
        def load(): return decoded(SIZE)
        def decoded(size): return size
        SIZE = 28
        """,
    "common/data/iris.py": "def load(): return 1",
    "common/protocols/__init__.py": "",
    "common/protocols/paper.py": "def network(): return 1\ndef other(): return 2",
    "common/protocols/notes.py": "def network(): return 1",
    "common/losses.py": "def squared(): return 1\ndef other(): return 2",
    "common/shapes.py": "def square(): return 1\ndef other(): return 2",
    "common/convnets.py": "def build(): return 1\ndef other(): return 2",
    "common/late.py": "def value(): return 1",
    "common/records.py": "def read(): return 1",
}
ALL = {"as_written", "slow", "width_1", "width_2"}
MAIN = "reproductions/example/experiment.py"
OWN = "reproductions/example/layers.py"
TRAINER = "common/training/trainer.py"


@pytest.fixture
def tree(tmp_path):
    for name, text in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(textwrap.dedent(text))
    shutil.copy(ROOT / "common" / "variants.py", tmp_path / "common")
    return tmp_path


def hashes(tree):
    return code_hash.of_variants(tree / MAIN)


def edit(tree, name, old, new):
    """Edit a file: the names of the variants whose hash is another one then."""
    before, path = hashes(tree), tree / name
    text = path.read_text() if path.exists() else ""
    assert old in text
    path.write_text(text.replace(old, new, 1) if old else text + new)
    after = hashes(tree)
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (MAIN, "What it reproduces.", "Another word."),
        (MAIN, "The protocol.", "Another word."),
        (MAIN, "Yield measurements.", "Another word."),
        (MAIN, "  # all of them", ""),
        (MAIN, "hidden: int = 2", "hidden:   int   =   2"),
        (
            MAIN,
            "LIMIT = 3\nSTEPS = [1, 2]\nSTEPS += [3]",
            "STEPS = [1, 2]\nSTEPS += [3]\nLIMIT = 3",
        ),
        (MAIN, "UNUSED = 7", "UNUSED = 8"),
        (MAIN, "UNUSED = 7", "UNUSED = np.array([tuple(range(3))]).astype(int)"),
        (MAIN, "training.helper()", "training.other_helper()"),
        (MAIN, "import scipy", "import sklearn"),
        (MAIN, 'print("run")', "pass"),
        (MAIN, '"smoke": {"rate": 1}', '"smoke": {"rate": 2}'),
        (MAIN, "import scipy", "import scipy\nfrom common import records"),
        (MAIN, "import scipy", "import typing\nif typing.TYPE_CHECKING:\n    import x"),
        (OWN, "return 2", "return 3"),
        (OWN, "", "\ndef more(): return 1\n"),
        ("reproductions/example/figures.py", "1", "2"),
        ("reproductions/example/claims.toml", "1", "2"),
        (TRAINER, "", "\ndef more(): return 1\n"),
        (TRAINER, "", "\nMORE = [RATE, *range(3)]\n"),
        (TRAINER, "def helper(): return 1", "def helper(): return 2"),
        (TRAINER, "class Base:", 'class Base:\n    """A docstring."""\n'),
        ("common/training/steps.py", "two(rate): return rate", "two(rate): return 2 * rate"),
        ("common/optimizers.py", "class Adam: pass", "class Adam: a = 1"),
        ("common/data/__init__.py", "", "\ndef more(): return 1\n"),
        ("common/data/iris.py", "1", "2"),
        ("common/protocols/notes.py", "1", "2"),
        ("common/convnets.py", "return 2", "return 3"),
        ("common/records.py", "1", "2"),
        ("common/claims.py", "", "x = 1"),
    ],
)
def test_what_changes_no_measurement_is_not_covered(tree, name, old, new):
    assert edit(tree, name, old, new) == set()


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (MAIN, "rate: float = 0.5", "rate: float = 0.6"),
        (MAIN, "keras.ops.sum(STEPS)", "keras.ops.max(STEPS)"),
        (MAIN, "STEPS = [1, 2]", "STEPS = [0, 2]"),
        (MAIN, "STEPS += [3]", "STEPS += [4]"),
        (MAIN, "Dense(config.hidden)", "Dense(config.hidden + 1)"),
        (MAIN, "import keras", "import my_keras as keras"),
        (MAIN, 'set_floatx("float64")', 'set_floatx("float32")'),
        (MAIN, "import scipy", "import scipy\nkeras.utils.set_random_seed(1)"),
        (MAIN, "UNUSED = 7", "UNUSED = keras.config.set_epsilon(1)"),
        (MAIN, "UNUSED = 7", "np.random.seed(1)"),
        (MAIN, "UNUSED = 7", "UNUSED = np.random.seed(1)"),
        (MAIN, "UNUSED = 7", "for step in STEPS: print(step)"),
        (MAIN, "UNUSED = 7", "if STEPS:\n    STEPS.append(4)"),
        (MAIN, "UNUSED = 7", "class Unused:\n    STEPS.append(4)"),
        (MAIN, "UNUSED = 7", "def later(x=STEPS.append(4)): pass"),
        (MAIN, "rules.Momentum", "rules.Adam"),
        (OWN, "return 1", "return 2"),
        ("reproductions/other/measures.py", "1", "2"),
        (TRAINER, "RATE = 0.1", "RATE = 0.2"),
        (TRAINER, "steps.one(RATE)", "steps.one(-RATE)"),
        (TRAINER, "self.model = model", "self.model = None"),
        (TRAINER, '["train"] = steps.one', '["train"] = steps.two'),
        ("common/training/steps.py", "one(rate): return rate", "one(rate): return -rate"),
        ("common/optimizers.py", "class Momentum: pass", "class Momentum: a = 1"),
        ("common/optimizers.py", "", "\nimport keras\nkeras.config.set_floatx('float16')\n"),
        ("common/data/mnist.py", "SIZE = 28", "SIZE = 14"),
        ("common/data/mnist.py", "return size", "return -size"),
        ("common/data/mnist.py", "@functools.cache", "@functools.lru_cache"),
        ("common/protocols/paper.py", "return 1", "return 2"),
        ("common/losses.py", "return 1", "return 2"),
        ("common/shapes.py", "return 1", "return 2"),
        ("common/convnets.py", "return 1", "return 2"),
        ("common/late.py", "1", "2"),
    ],
)
def test_whatever_run_reaches_is_covered(tree, name, old, new):
    assert edit(tree, name, old, new) == ALL


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("RATE = 0.25", "RATE = 0.3", {"slow"}),
        ("Config(rate=RATE)", "Config(rate=2 * RATE)", {"slow"}),
        ('"slow": Config', '"quick": Config', {"slow", "quick"}),
        ('"as_written": Config()', '"as_written": Config(), "more": Config(rate=3)', {"more"}),
        ("hidden=[1, 2]", "hidden=[1, 2, 3]", {"width_3"}),
        ("hidden=[1, 2]", "hidden=[2]", {"width_1"}),
        ("Config(rate=0.1)", "Config(rate=0.2)", {"width_1", "width_2"}),
    ],
)
def test_a_variants_entry_is_its_own(tree, old, new, changed):
    assert edit(tree, MAIN, old, new) == changed


@pytest.mark.parametrize(
    "code",
    [
        "getattr(convnets, name)()",
        "vars(convnets)",
        "choose(convnets)",
        "{'convnets': convnets}",
        "convnets.__dict__[name]",
        "convnets.not_to_be_found()",
        "importlib.import_module('common.convnets')",
        "__import__('common.convnets')",
        "importlib.import_module(name)",
        "importlib.import_module('.convnets', 'common')",
        "eval(name)",
        "sys.modules[name]",
        "[each for each in Config.__subclasses__()]",
    ],
)
def test_what_cannot_be_resolved_counts_as_a_whole(tree, code):
    other = "common/convnets.py", "return 2", "return 3"
    edit(tree, MAIN, "import scipy", "import importlib, sys")
    edit(tree, MAIN, "    inputs = mnist.load()", f"    inputs = mnist.load()\n    {code}")
    assert edit(tree, *other) == ALL


def test_globals_reach_the_whole_file(tree):
    edit(tree, MAIN, "mnist.load()", "globals()['unused']()")
    assert edit(tree, MAIN, "training.helper()", "training.helper() + 1") == ALL


@pytest.mark.parametrize(
    "line",
    [
        "from common.convnets import *",
        "from common.convnets import other",
        "from common.convnets import other as build",
        "try:\n    from common.convnets import other\nexcept ImportError:\n    other = None",
    ],
)
def test_every_way_to_import_a_name_is_followed(tree, line):
    edit(tree, MAIN, "import scipy", line)
    edit(tree, MAIN, "mnist.load()", "build() if RATE else other()")
    assert edit(tree, "common/convnets.py", "return 2", "return 3") == ALL


def test_relative_imports_are_followed(tree):
    edit(tree, TRAINER, "from common.training import steps", "from . import steps")
    change = "common/training/steps.py", "one(rate): return rate", "one(rate): return 0"
    assert edit(tree, *change) == ALL
    edit(tree, TRAINER, "from . import steps", "from ..convnets import other as steps")
    assert edit(tree, "common/convnets.py", "return 2", "return 3") == ALL


def test_what_a_decorator_of_ours_keeps_is_covered(tree):
    edit(tree, OWN, "def unused", "KEPT = []\ndef kept(f): KEPT.append(f)\n\n@kept\ndef unused")
    assert edit(tree, OWN, "return 2", "return 3") == ALL


@pytest.mark.parametrize(
    "code",
    [
        "def same(convnets): return convnets.other()",
        "def same(): convnets = 1; return convnets",
        "def same(): return [convnets for convnets in STEPS]",
        "def same(): return lambda convnets: convnets",
        "class Same:\n    convnets = 1",
    ],
)
def test_a_local_name_is_no_module(tree, code):
    edit(tree, MAIN, "def unused", f"{code}\n\ndef unused")
    edit(tree, MAIN, "mnist.load()", "same() if RATE else Same()")
    assert edit(tree, "common/convnets.py", "return 2", "return 3") == set()


def test_names_are_local_only_inside(tree):
    edit(tree, MAIN, "mnist.load()", "[convnets for convnets in (convnets,)]")
    assert edit(tree, "common/convnets.py", "return 2", "return 3") == ALL


def test_a_new_module_in_common_is_covered(tree):
    (tree / "common" / "new.py").write_text("def made(): return 1")
    edit(tree, MAIN, "import scipy", "from common import new")
    edit(tree, MAIN, "mnist.load()", "new.made()")
    assert edit(tree, "common/new.py", "1", "2") == ALL


@pytest.mark.parametrize("name", [MAIN, TRAINER])
def test_a_file_that_is_no_python_is_named(tree, name):
    (tree / name).write_text("def run(:")
    with pytest.raises(errors.UserError, match=pathlib.Path(name).name) as raised:
        hashes(tree)
    assert "\n" not in str(raised.value)


# ---- The real reproductions ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the code of this project."""
    folder = tmp_path_factory.mktemp("project")
    ignored = shutil.ignore_patterns("__pycache__", "*.log")
    for name in ("common", "reproductions"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    return folder


def all_hashes(project):
    files = sorted(project.glob("reproductions/*/*.py"))
    experiments = [path for path in files if "\nVARIANTS" in path.read_text()]
    return {
        (path.parent.name, variant): each
        for path in experiments
        for variant, each in code_hash.of_variants(path).items()
    }


@pytest.fixture(scope="module")
def before(project):
    return all_hashes(project)


def changed_by(project, before, edits):
    """The reproductions of which some edits change a hash; the files are given back."""
    texts = {name: (project / name).read_text() for name, _, _ in edits}
    for name, old, new in edits:
        assert old in texts[name]
        text = texts[name].replace(old, new, 1) if old else texts[name] + new
        (project / name).write_text(text)
    after = all_hashes(project)
    for name, text in texts.items():
        (project / name).write_text(text)
    assert before.keys() == after.keys()
    return {place[0] for place in before if before[place] != after[place]}


def test_an_unused_function_changes_no_hash(project, before):
    places = ["common/training/trainer.py", "common/data/mnist.py", "common/protocols/paper.py"]
    code = "\n\ndef unused():\n    return keras.ops\n"
    assert changed_by(project, before, [(name, "", code) for name in places]) == set()


def test_the_papers_code_is_covered_in_the_papers_reproductions_alone(project, before):
    edit = "common/protocols/paper.py", "TRAINED_SHARE = 0.8", "TRAINED_SHARE = 0.7"
    changed = changed_by(project, before, [edit])
    assert {"iris_mlp", "autoencoder", "mnist_optimizers"} <= changed
    assert changed.isdisjoint({"xor_mlp", "perceptron_gates", "mnist_mlp", "handwritten_mlp"})


def test_what_does_not_measure_is_not_covered(project, before):
    places = [f"common/{name}.py" for name in ("records", "plots", "report", "terminal", "cli")]
    places += ["common/judge/__init__.py", "common/claims/__init__.py"]
    places += ["common/runner/__init__.py", "reproductions/iris_mlp/figures.py"]
    edits = [(name, "", "\nprint('changed')\n") for name in places]
    assert changed_by(project, before, edits) == set()
