"""How a table is written as LaTeX, no wider than a page.

Its width is estimated from those of the letters of Computer Modern, in which LaTeX sets what asks for no other type,
for a page of the class ``article``, which is a narrow one. An interval stands in brackets behind its mean, a column's
name in as many lines as it has words, and a long text in lines. What is still too wide is set smaller, then on a page
that is turned, then without some of its columns of numbers, which the caption names: ``SECOND`` ones, then the last.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ablation.reporting.tables.table import Table, to_text

LONG = 40
"""Rows of a LaTeX table beyond which it may break over pages."""

SIZES = {"normalsize": 5.0, "small": 4.63, "footnotesize": 4.25, "scriptsize": 3.99}
"""Points of a digit in each size of type."""
UPRIGHT, TURNED = 345.0, 550.0
"""Points across a page of the class article, and across one that is turned."""
BETWEEN = 6.0
"""Points between two columns, half of what is usual."""
SECOND = ("steps", "easy", "hard")
"""How the names of columns end that say again what another one does, by another clock or target."""
WRAPPED = 34
"""Digits beyond whose width a text is set in lines."""
LETTERS = {"ijl.,;:'|![]() ": 0.62, "frst/-": 0.8, "mwM%…": 1.7, "W": 2.1}
WIDTHS = {letter: width for letters, width in LETTERS.items() for letter in letters}
"""Of letters that are no digit's width, in digits; others are as wide as a digit or a little wider, capitals more."""
OTHER, CAPITAL = 1.1, 1.6

LATEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "…": r"\dots{}"}
    | {"-": "{-}", "'": "{'}", "`": "{`}"}  # no dashes, no quotation marks made of several
)
"""Every character that LaTeX reads as more than itself, or its oldest font encoding prints as another."""


@dataclass(frozen=True)
class Column:
    """A column as it is set.

    Attributes:
        name: as in the other forms of the table.
        head: the lines of its name.
        entries: its texts, a row each.
        number: whether they are numbers.
        spare: whether it may be left out: numbers that tell no row apart.
    """

    name: str
    head: Sequence[str]
    entries: Sequence[str]
    number: bool
    spare: bool

    @property
    def wrapped(self) -> bool:
        """Whether it is text that is set in lines."""
        return not self.number and max((width_of(text) for text in self.entries), default=0.0) > WRAPPED

    @property
    def width(self) -> float:
        """In digits; of text in lines enough for its longest word."""
        if not self.wrapped:
            return max(width_of(text) for text in (*self.head, *self.entries))
        return max(float(WRAPPED), *(width_of(word) for text in self.entries for word in text.split()))


def width_of(text: str) -> float:
    """A text's width, in digits."""
    return sum(1.0 if c.isdigit() else WIDTHS.get(c, CAPITAL if c.isupper() else OTHER) for c in text)


def columns_of(table: Table, horizon: float, unit: str) -> list[Column]:
    """The table's columns, each interval in one with what it is of."""
    rows = to_text(table, horizon, unit)
    found, place = [], 0
    while place < len(table.columns):
        (name, number), entries = table.columns[place], [row[place] for row in rows]
        head, ends = name.split("_"), [other for other, _ in table.columns[place + 1 : place + 3]]
        place += 1
        if number and len(ends) == 2 and ends[0].endswith("low") and ends[1].endswith("high"):
            bounds = [row[place : place + 2] for row in rows]
            entries = [
                f"{of} [{', '.join(pair)}]" if all(pair) else of for of, pair in zip(entries, bounds, strict=True)
            ]
            head, place = [*head, "[low, high]"], place + 2
        found.append(Column(name, head, entries, number, number and name not in table.levels))
    return found


def fitted(columns: Sequence[Column]) -> tuple[list[Column], str, bool]:
    """The columns that find room, the size of type, and whether the page is turned for them."""
    kept = list(columns)
    while True:
        digits = sum(column.width for column in kept)
        for turned, across in ((False, UPRIGHT), (True, TURNED)):
            for size, points in SIZES.items():
                if points * digits + BETWEEN * len(kept) <= across:
                    return kept, size, turned
        spare = [column for column in kept if column.spare]
        if not spare:
            return kept, "scriptsize", True
        kept.remove(max(spare, key=lambda column: (column.name.endswith(SECOND), kept.index(column))))


def latex(entry: str) -> str:
    """An entry of which LaTeX prints every character as it is."""
    return " ".join(entry.split()).translate(LATEX)


def line(entries: Sequence[str]) -> str:
    """A row."""
    return guarded(entries[0]) + " & ".join(map(latex, entries)) + r" \\"


def guarded(text: str) -> str:
    """What stands before a text that begins a line: there [ would be the length of a skip, * that of no page break."""
    return "{}" if text.startswith(("[", "*")) else ""


def header(columns: Sequence[Column]) -> str:
    """The names, a word a line."""
    names = [r"\\".join(guarded(part) + latex(part) for part in column.head) for column in columns]
    sides = ["r" if column.number else "l" for column in columns]
    return " & ".join(rf"\shortstack[{side}]{{{name}}}" for side, name in zip(sides, names, strict=True)) + r" \\"


def to_latex(table: Table, horizon: float, unit: str = "epochs") -> str:
    """The table as LaTeX to be read in by ``\\input``; its first line has the packages that it needs."""
    every = columns_of(table, horizon, unit)
    columns, size, turned = fitted(every)
    points = SIZES[size]
    spread = "".join(
        f"p{{{points * column.width:.0f}pt}}" if column.wrapped else "r" if column.number else "l" for column in columns
    )
    head = [r"\toprule", header(columns), r"\midrule"]
    rows = [line(entries) for entries in zip(*(column.entries for column in columns), strict=True)]
    left = [column.name for column in every if column not in columns]
    said = f"{table.title}. {table.caption}" + (f" Left out for room: {', '.join(left)}." if left else "")
    named = rf"\caption[{{{latex(table.title)}}}]{{{latex(said)}}}\label{{tab:{table.name.replace('_', '-')}}}"
    look = rf"\{size}\setlength{{\tabcolsep}}{{{BETWEEN / 2:g}pt}}"
    if len(rows) > LONG or turned:
        body = [rf"{{{look}", rf"\begin{{longtable}}{{{spread}}}", rf"{named}\\", *head, r"\endfirsthead", *head]
        body += [r"\endhead", r"\bottomrule", r"\endlastfoot", *rows, r"\end{longtable}}"]
    else:
        body = [r"\begin{table}[htbp]", r"\centering", look, named, rf"\begin{{tabular}}{{{spread}}}", *head, *rows]
        body += [r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    if turned:
        body = [r"\begin{landscape}", *body, r"\end{landscape}"]
    return "\n".join([r"% \usepackage{booktabs,longtable,pdflscape}", *body, ""])
