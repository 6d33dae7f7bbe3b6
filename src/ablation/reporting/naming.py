"""How a study's levels are named where people read: no two levels of a factor alike, however little room there is.

A name as it is shown is a property of all levels of its factor together. Files for programs hold ``raw`` instead, the
name itself.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

Label = str | int | float
Shown = Mapping[Label, str]
"""The levels of a factor, each with the text that stands for it."""

CUT = "…"
HEAD, TAIL, BESIDE = 4, 3, 2
"""Characters that stay of a long name's ends, and on either side of where it differs from others."""

ALIKE = str.maketrans(
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0430\u0435\u043e\u0440\u0441\u0443"
    "\u0445\u0456\u0455\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03bf",
    "ABEKMHOPCTYXaeopcyxisABEZHIKMNOPTYXo",
)
"""Letters of Cyrillic and Greek that are drawn as Latin ones are."""
BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
"""Characters that count as printable and of which nothing is seen."""


def raw(level: object) -> str:
    """A level as a file for programs holds it: text as it is, a number with all of its digits."""
    return repr(float(level)).removesuffix(".0") if isinstance(level, float) else str(level)


def numbered(values: Sequence[float]) -> dict[Label, str]:
    """Numbers as they are read: with as few digits, and no fewer than six, as tell all of them apart."""
    texts: list[str] = []
    for digits in range(6, 18):
        texts = [f"{value:.{digits}g}" for value in values]
        if len(set(texts)) == len(set(values)):
            break
    return dict(zip(values, texts, strict=True))


def escaped(text: str, plain: Callable[[str], bool] = lambda one: one.isascii() and one != "\\") -> str:
    """A text of whose characters only the plain ones are left, the others written as in Python's strings.

    So are spaces, unless it is one between two words. With the default, different texts stay different.
    """
    written = []
    for place, one in enumerate(text):
        if one == " ":
            between = 0 < place < len(text) - 1 and text[place - 1] != " "
            written.append(one if between else r"\x20")
        else:
            left = one.isprintable() and plain(one)
            written.append(one if left else one.encode("unicode_escape").decode("ascii"))
    return "".join(written)


def look(text: str) -> str:
    """What texts have in common that a reader may take for the same."""
    return " ".join(BLANK.sub("", unicodedata.normalize("NFKC", text)).translate(ALIKE).split())


def labels(levels: Sequence[Label], drawable: Callable[[str], bool] = lambda _: True) -> dict[Label, str]:
    """Every level of a factor as it is read: itself, but for characters that cannot be seen or told apart.

    Args:
        levels: all levels of one factor.
        drawable: whether a character can be shown at all; what cannot is written as its code point.
    """
    shown: dict[Label, str] = {level: str(level) for level in levels}
    shown |= numbered([level for level in levels if isinstance(level, float)])
    names = [level for level in levels if isinstance(level, str)]
    shown |= {name: escaped(name, drawable) for name in names}
    looks = Counter(map(look, shown.values()))
    shown |= {name: escaped(name) for name in names if looks[look(shown[name])] > 1 or not look(shown[name])}
    if len(set(shown.values())) < len(shown):  # one level's escaped name is another's own
        shown |= {name: escaped(name) for name in names}
    return shown


def shorten(shown: Shown, most: int) -> dict[Label, str]:
    """The names of a factor's levels, each in at most ``most`` characters where that tells it from all the others.

    A long name loses its middle. Where two would then be one, they keep the part in which they differ, or else as much
    more as is needed.
    """
    short = {level: cut(text, most) for level, text in shown.items()}
    width, longest = most, max(map(len, shown.values()), default=0)
    while twins := shared(shown, short):
        for group in twins:
            texts = [shown[level] for level in group]
            short |= zip(group, differing(texts, width), strict=True)
        width = min(width + 1, longest)
    return short


def shared(shown: Shown, short: Shown) -> list[list[Label]]:
    """The groups of levels of one short text, each without the level whose whole name that is."""
    groups: dict[str, list[Label]] = {text: [] for text in short.values()}
    for level, text in short.items():
        groups[text].append(level)
    return [[x for x in group if shown[x] != text] for text, group in groups.items() if len(group) > 1]


def cut(text: str, most: int) -> str:
    """A text in at most ``most`` characters (two or more), an ellipsis in its middle; its ends tell names apart."""
    if len(text) <= most:
        return text
    head = (most - 1) * 2 // 3
    return f"{text[:head]}{CUT}{text[head + 1 - most :]}"


def differing(texts: Sequence[str], most: int) -> list[str]:
    """Long texts in at most ``most`` characters, with what lies between their common beginning and end."""
    if len(texts) == 1:
        return [cut(texts[0], most)]
    first = common(texts)
    last = min(common([text[::-1] for text in texts]), min(map(len, texts)) - first)
    found = []
    for text in texts:
        start, end = max(first - BESIDE, 0), len(text) - max(last - BESIDE, 0)
        rest = text[start:end] + (CUT + text[-TAIL:] if end < len(text) - TAIL else text[end:])
        head = max(HEAD, most - len(CUT) - len(rest))
        whole = (text[:head] + CUT if head < start else text[:start]) + rest
        found.append(whole if len(whole) <= most else cut(text, most))
    return found


def common(texts: Sequence[str]) -> int:
    """With how many characters all of the texts begin alike."""
    length = 0
    for ones in zip(*texts, strict=False):
        if len(set(ones)) > 1:
            break
        length += 1
    return length
