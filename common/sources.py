"""The documents that are reproduced, and their authors' companion code.

Titles and dates are those the documents print; what a document does not say stays empty.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Source:
    """One document, or one body of code its authors published with it.

    `date` is as exact as the document is: "2026-02-06", "2023-11", "2025/26" or "". `file` is the
    name of the document's text; companions have none.
    """

    key: str
    title: str
    authors: str
    date: str = ""
    file: str | None = None


_ALL = (
    Source(
        "notes-1",
        "Apuntes sobre IA",
        "Sergio de Mingo",
        "2026-02-02",
        "000_61915a222671e3dd.txt",
    ),
    Source(
        "notes-2",
        "Apuntes sobre inteligencia artificial",
        "Sergio de Mingo",
        "2026-02-06",
        "001_5350697d0ddce207.txt",
    ),
    Source(
        "handwritten",
        "Red neuronal multicapa para clasificación de dígitos MNIST",
        "",
        "",
        "002_4b932e9dd040ca20.txt",
    ),
    Source(
        "paper",
        "Implementación del Algoritmo de Back-Propagation Para una Red Neuronal de Clasificación"
        " Multi-Clase",
        "Carlos Santana Esplá y Ricardo Juan Cárdenes Pérez",
        "2023-11",
        "003_2c5d4c489a03197e.txt",
    ),
    Source(
        "thesis",
        "Entendiendo las Redes Convolucionales",
        "Alberto Perea León",
        "2025/26",
        "004_fc3540c129110ad8.txt",
    ),
    Source("notes-code", "github.com/sdemingo/apuntes-ia", "Sergio de Mingo"),
    Source(
        "notes-exercise", "github.com/sdemingo/apuntes-ia, prac-01-ecuaciones", "Sergio de Mingo"
    ),
    Source(
        "paper-code",
        "github.com/ricardocardn/NeuralNetworkImplementation",
        "Ricardo Juan Cárdenes Pérez",
    ),
    Source("paper-matlab", "github.com/carlos-esplaa/Backpropagation", "Carlos Santana Esplá"),
)

SOURCES = {source.key: source for source in _ALL}
