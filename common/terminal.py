"""What the command shows: plain lines and tables, for any width from 60 columns and any encoding.

Titles, captions and names are shown as they are written, never taken as markup. A table that is too
wide for the terminal becomes a list, so that no name is folded and no number cut.
"""

import os
import re
import sys
import textwrap
import typing
from collections.abc import Iterable, Sequence

import rich.box
import rich.console
import rich.table
import rich.text

from common import claims

if typing.TYPE_CHECKING:
    from common import report

LOG_WIDTH = 120  # columns, where the output goes to a file
STYLES = {"HOLDS": "green", "FALLS": "red", "ERROR": "bold red"}
INDENT = "    "
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
MINUTES = "minutes:\nstandard / full"

Row = Sequence[str]


def console() -> rich.console.Console:
    """Where the command writes. Without a terminal there are no control sequences.

    Colours there are where FORCE_COLOR asks for them, as it does in the logs of some services.
    """
    is_terminal = sys.stdout.isatty()
    is_coloured = bool(os.environ.get("FORCE_COLOR")) and not os.environ.get("NO_COLOR")
    made = rich.console.Console(
        force_terminal=is_terminal,
        color_system="auto" if is_terminal else "standard" if is_coloured else None,
        markup=False,
        highlight=False,
        emoji=False,
    )
    if not is_terminal:
        made.width = LOG_WIDTH
    return made


def accept_any_text() -> None:
    """Write a question mark for what the terminal's encoding lacks, instead of giving up."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def tell(on: rich.console.Console, message: str) -> None:
    """One line, however long; what would control the terminal is left out of it."""
    on.print(CONTROL.sub(" ", message), soft_wrap=True)


def listing(on: rich.console.Console, reproductions: Iterable[claims.Reproduction]) -> None:
    """Show what there is."""
    headers = ("name", "title", "documents", "sentences", "claims", "data", MINUTES)
    rows = [
        (
            each.name,
            each.title,
            ", ".join(each.sources),
            str(len(each.passages)),
            str(len(each.claims)),
            ", ".join(each.data) or "-",
            f"{each.minutes['standard']:g} / {each.minutes['full']:g}",
        )
        for each in reproductions
    ]
    _show(on, headers, rows, texts=(1, 2, 5), box=None)


def summary(on: rich.console.Console, rows: Sequence["report.Row"]) -> None:
    """Show how many sentences of each reproduction have which verdict, and a total."""
    from common import report

    verdicts = list(report.SENTENCES)
    headers = (
        "reproduction",
        "sentences",
        *(verdict.replace("NOT_", "NOT\n").replace("_", " ") for verdict in verdicts),
        "claims",
        "seconds",
    )

    def cells(row: "report.Row") -> Row:
        counts = [str(row.counts[verdict] or "-") for verdict in verdicts]
        seconds = "" if row.seconds is None else f"{row.seconds:,.0f}"
        return [row.reproduction, str(row.sentences), *counts, str(row.claims), seconds]

    total = cells(report.total(rows)) if len(rows) > 1 else None
    styles = ["", "", *(STYLES.get(verdict, "") for verdict in verdicts), "", ""]
    _show(on, headers, [cells(row) for row in rows], total=total, styles=styles)


def _show(
    on: rich.console.Console,
    headers: Row,
    rows: Sequence[Row],
    *,
    texts: Sequence[int] = (),
    total: Row | None = None,
    styles: Row = (),
    box: rich.box.Box | None = rich.box.SIMPLE_HEAD,
) -> None:
    """Show rows as a table, or as a list where a table is too wide.

    Args:
        on: Where to.
        headers: One for each column; the first one is the name's.
        rows: The cells of each row.
        texts: The columns that may be broken between words; no other one may be broken at all.
        total: A last row, set apart.
        styles: How the columns' numbers look, "-" for none aside.
        box: The table's lines.
    """
    table = rich.table.Table(box=box, padding=(0, 2, 0, 0) if box is None else 0, pad_edge=False)
    table.collapse_padding = box is not None
    for index, header in enumerate(headers):
        table.add_column(
            rich.text.Text(header),
            justify="left" if index == 0 or index in texts else "right",
            no_wrap=index not in texts,
            min_width=_longest_word(headers, rows, index) if index in texts else None,
        )
    for row in rows:
        table.add_row(*_styled(row, styles))
    if total:
        table.add_section()
        table.add_row(*_styled(total, styles), style="bold")
    if rich.console.Measurement.get(on, on.options, table).minimum <= on.width and _fits(on, table):
        on.print(table)
    else:
        for row in [*rows, *([total] if total else [])]:
            _show_as_list(on, headers, row)


def _fits(on: rich.console.Console, table: rich.table.Table) -> bool:
    """Whether the table's least width is there, measured without regard to the terminal's."""
    wide = on.options.update(max_width=10_000)
    return rich.console.Measurement.get(on, wide, table).minimum <= on.width


def _longest_word(headers: Row, rows: Sequence[Row], index: int) -> int:
    words = " ".join([headers[index], *(row[index] for row in rows)]).split()
    return max(map(len, words), default=0)


def _styled(row: Row, styles: Row) -> list[rich.text.Text]:
    shown = [*styles, *[""] * len(row)]
    return [
        rich.text.Text(CONTROL.sub(" ", cell), style="" if cell == "-" else style)
        for cell, style in zip(row, shown, strict=False)
    ]


def _show_as_list(on: rich.console.Console, headers: Row, row: Row) -> None:
    """The name on a line of its own, and the rest under it."""
    name, *cells = row
    parts = [
        f"{header.replace(chr(10), ' ')}: {cell}"
        for header, cell in zip(headers[1:], cells, strict=True)
        if cell not in ("-", "")
    ]
    tell(on, name)
    lines = textwrap.wrap(
        "; ".join(parts),
        width=on.width,
        initial_indent=INDENT,
        subsequent_indent=INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
    for line in lines:
        tell(on, line)
