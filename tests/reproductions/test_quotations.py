"""Every quotation stands where it is said to stand, word for word; our own notes are none.

The documents' texts, and what is known verbatim of their companions, lie beside the project in
`../shared`; without it these tests are skipped. Whitespace does not count: the texts break lines.
"""

import functools
import json
import pathlib
import re

import pytest

from common import claims, sources

SHARED = pathlib.Path(__file__).parents[3] / "shared"
RECORDED = {"paper-code": "paper-notebook-output.txt"}  # what its runs printed, as they printed it
READ = {  # lines that were read in the companions' repositories, at a commit, and lie nowhere else
    "paper-code": {
        "tests.ipynb at 252cc38": (
            "epoch   0 - accuracy 0.66667",
            "Accuracy after training (on test):  1.0",
        ),
        "tests.ipynb at 6e72f25": ("epoch   0 - accuracy 0.58333",),
        "tests.ipynb at 69135fb": (
            "Utilizaremos el optimizador del descenso del gradiente clásico, con una tasa de"
            " aprendizaje de 0.01",
            "Efectivamente, podemos ver como el modelo es capaz de ajustarse a los datos de"
            " entrenamiento en apenas una época, con una muy buena medida de error.",
        ),
    },
    "paper-matlab": {
        "NeuralNetwork.m at cca32e4": (
            "[~, predictedLabels] = max(predictions, [], 1);"
            "  % Encuentra el índice del valor máximo a lo largo de las columnas",
        ),
    },
}

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the documents are not here")


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


@functools.cache
def texts(source: str) -> tuple[str, ...]:
    """The texts that a quotation of a source may come from, squeezed.

    A companion's code is not here. Its words are: what its runs printed, the lines and sentences
    that a first reading copied from it, those in `READ`, and the words that protocols.md gives in
    quotation marks.
    The numbers of protocols.md are a summary of ours, and no quotation.
    """
    if file := sources.SOURCES[source].file:
        return (squeezed((SHARED / "sources" / file).read_text("utf-8")),)
    copied = (SHARED / "statements" / f"{source}.jsonl").read_text("utf-8").splitlines()
    found = [json.loads(line)["quote"] for line in copied if line.strip()]
    protocols = (SHARED / "protocols.md").read_text("utf-8")
    found += re.findall(r'"([^"\n]{20,})"', protocols)  # shorter ones are names: "Loss", "AND"
    found += [line for lines in READ.get(source, {}).values() for line in lines]
    if source in RECORDED:
        found.append((SHARED / RECORDED[source]).read_text("utf-8"))
    return tuple(map(squeezed, found))


def stands_in(quote: str, source: str) -> bool:
    return any(squeezed(quote) in text for text in texts(source))


def test_quotations_are_verbatim(head: claims.Reproduction) -> None:
    made_up = [
        f"{passage.id} ({place.source}, {place.where}): {place.quote}"
        for passage in head.passages
        for place in passage.places
        if not stands_in(place.quote, place.source)
    ]
    assert not made_up, "\n".join(made_up)


@pytest.mark.parametrize("source", sources.SOURCES)
def test_every_source_has_words_to_hold_a_quotation_to(source: str) -> None:
    assert all(texts(source))


@pytest.mark.parametrize(
    ("source", "quote", "verbatim"),
    [
        ("notes-2", "Si el error colapsa hacia cero\nalrededor de las 1500 iteraciones", True),
        ("notes-2", "Si el error colapsa a cero alrededor de las 1500 iteraciones", False),
        ("paper-code", "epoch  10 - Loss 0.63063, Accuracy 0.58333", True),
        ("paper-code", "epoch  10 - Loss 0.63063, Accuracy 0.91667", False),
        ("paper-code", "19-10-1: 5342.01; 3239.22 2052.88 1263.72", False),  # of protocols.md
        ("paper-matlab", "Accuracy en el conjunto de datos de prueba: 100.00%", True),
        ("notes-exercise", "Epoca 500/8000 - Error: 0.0718", True),
        ("notes-exercise", "0.0477 (1,000)", False),  # of protocols.md
        ("notes-code", "optimizer = optim.SGD(model.parameters(), lr=0.5)", True),
        ("notes-code", "optimizer = optim.SGD(model.parameters(), lr=0.3)", False),
    ],
)
def test_one_word_changed_is_found(source: str, quote: str, verbatim: bool) -> None:
    assert stands_in(quote, source) == verbatim
