"""The words of a command line, read before Hydra sees them: what is a flag, what an override, and what is refused.

Hydra takes more than a study has a use for: jobs of its own, pickled configs, settings of itself. Those are refused.
And it takes text by a grammar of its own, in which a folder called ``/scans (new)`` is no value; where a key holds a
path or an address, its text is taken as it stands.
"""

import argparse
import re
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NoReturn

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, Quote, QuotedString, RangeSweep
from hydra.errors import HydraException

from ablation import UserError
from ablation.levels import is_text, shown
from ablation.records.columns import FACTORS, ORDINAL
from ablation.studies.config import meant

WHERE_AND_HOW = {"study", "name", "choices", "paths", "engine", "tracking", "device"}
"""Sections that any stage takes: they say which study it is, where its files are and how it runs."""

READ_BY_SOME = {*FACTORS, "training", "report", "plan"}
"""Sections that one stage reads and another does not."""

STAGE_OF = {
    "report": "report.py",
    "plan": "plan.py",
    "data": "prepare.py and study.py",
    "split": "prepare.py and study.py",
}
"""The stages that read a section, where it is not ``study.py`` alone."""

TEXT = re.compile(
    r"(\+*(?:choices|paths\.\w+|plan\.from|tracking\.uri|data\..+\.(?:folder|mirror|file|target))=)(.*)", re.DOTALL
)
"""An override whose value is a path, an address, or the name of a table's column."""

ONLY_HERE = "the config is that of the project whose pipelines/ are run; a preset or a level is a file in its conf/"
REFUSED = {
    "multirun": ("--multirun", "a study is already the full product of its levels; give lists, as depth=[5,20]"),
    "experimental_rerun": ("--experimental-rerun", "would run what a pickle says; give the overrides themselves"),
    "config_path": ("--config-path", ONLY_HERE),
    "config_name": ("--config-name", ONLY_HERE),
    "config_dir": ("--config-dir", ONLY_HERE),
}
"""Hydra's flags that are not taken, by their names as arguments."""

FEW = 20
"""Levels that a message writes out."""


class Words:
    """A command line, taken apart.

    Args:
        words: all but the program's name.
        reads: the sections that the stage reads, beside ``WHERE_AND_HOW``; none for all.

    Attributes:
        flags: Hydra's flags, as arguments.
        given_flags: the words that are flags.
        overrides: the others, parsed.

    Raises:
        UserError: a flag or an override is not taken, or cannot be read.
    """

    def __init__(self, words: Sequence[str], reads: Collection[str] | None = None) -> None:
        for word in words:
            if not is_text(word):
                raise UserError(f"{shown(word)}: is not text in UTF-8")
        parser = get_args_parser()
        parser.error = _refuse_arguments  # type: ignore[method-assign]  # or it prints its usage and leaves
        self.flags: argparse.Namespace = parser.parse_intermixed_args(list(words))
        for name, (flag, why) in REFUSED.items():
            if getattr(self.flags, name):
                raise UserError(f"{flag}{_value_of(getattr(self.flags, name))}: {why}")
        given: list[str] = self.flags.overrides
        self.given_flags = [word for word in words if word not in given]
        for place, word in enumerate([] if self.flags.shell_completion else given):
            _refuse_open(word, given[place + 1 :])
            _refuse_apart(word, given[place + 1 :])
        self.overrides = [] if self.flags.shell_completion else [parse(word) for word in given]
        for override in self.overrides:
            _check_section(override, reads)


def parse(word: str) -> Override:
    """Return an override as Hydra understands it.

    Raises:
        UserError: it cannot be read, or is a sweep over several runs.
    """
    name = re.match(r"[+~]*[^=.@/]*", word)
    if name and name[0].lstrip("+~") == "hydra":
        if re.match(r"hydra\.mode=.*multirun", word, re.IGNORECASE):
            raise UserError("--multirun: " + REFUSED["multirun"][1])
        raise UserError(
            f"{shown(word)}: Hydra's own settings are fixed; paths.results=, paths.reports= and the like say "
            "where files go"
        )
    # Of a list of paths the grammar's own message says what is wrong with it.
    text = None if re.match(r"\+*choices=\[", word) else TEXT.fullmatch(word)
    try:
        override = OverridesParser.create().parse_override(word)
        if text and not isinstance(override._value, str | QuotedString | list | dict | None):
            override = _as_text(text)
    except (HydraException, RecursionError, ValueError) as error:
        if text is None:
            key, equals, value = word.partition("=")
            if not equals:
                colon = re.fullmatch(r"([+~]*\w[\w.]*):(\S.*)", word)
                near = f"; did you mean {shown(f'{colon[1]}={colon[2]}')}?" if colon else meant.word(word, _program())
                raise UserError(f"{shown(word)}: an override is key=value without spaces, as depth=3{near}") from error
            if value.startswith("="):
                raise UserError(f"{shown(word)}: has one = too many; did you mean {shown(key + value)}?") from error
            if bare := re.fullmatch(r"[({]([^:(){}\[\]]*)[)}]", value):
                raise UserError(f"{shown(word)}: a list stands in square brackets, as '{key}=[{bare[1]}]'") from error
            if value.startswith("{"):
                raise UserError(
                    f"{shown(word)}: a mapping is keys with their values, as '{shown(key)}={{kind: elu, alpha: 2.0}}'"
                ) from error
            if re.fullmatch(r"[-+]?[0-9_]+", value):
                raise UserError(
                    f"{shown(word)}: a number of {len(value)} digits, longer than any that is taken"
                ) from error
            raise UserError(
                f"{shown(word)}: not an override as key=value that can be read; text with spaces, brackets, commas or "
                f"other signs stands in quotes of its own, as \"{shown(key)}='{shown(value)}'\""
            ) from error
        override = _as_text(text)
    if override.package is not None:
        raise UserError(f"{shown(word)}: no such key; @ is not taken here")
    if override.is_sweep_override():
        raise UserError(
            f"{shown(word)}: several levels are a list, as '{override.get_key_element()}={_listed(override)}'"
        )
    _refuse_twice(override)
    return override


def raw(override: Override) -> str:
    """Return the text of an override's value, as it was given."""
    return str(override.input_line).partition("=")[2]


def places(words: Sequence[str]) -> list[str]:
    """Return the words that say where files are and where runs are shown, for another command about the same study."""
    return [word for word in words if re.match(r"\+*(?:paths\.\w+|tracking(?:\.\w+)?)=", word)]


def absolute(words: Sequence[str]) -> list[str]:
    """Return the words with paths that are relative to the current folder made absolute."""
    made = []
    for word in words:
        text = TEXT.fullmatch(word)
        if re.fullmatch(r"\+*data\..+\.target=", text[1] if text else ""):
            made.append(word)
            continue
        if text and re.match(r"\+*choices=\[", word):
            made.append(text[1] + _listed_absolute(word))
            continue
        path = text and text[2].strip("'\"")
        if text is None or path is None or path in ("", "null") or path.startswith(("/", "~", "$", "[", "{")):
            made.append(word)
        elif path.startswith("sqlite:///") and not path.startswith("sqlite:////"):
            made.append(f"{text[1]}sqlite:///{Path(path.removeprefix('sqlite:///')).absolute()}")
        elif "://" in path:
            made.append(word)
        else:
            made.append(f"{text[1]}{Path(path).absolute()}")
    return made


def _listed_absolute(word: str) -> str:
    given: Any = parse(word).value()
    full = [path if path.startswith("~") else str(Path(path).absolute()) for path in map(str, given)]
    return f"[{','.join(QuotedString(path, Quote.single).with_quotes() for path in full)}]"


def _value_of(flag: object) -> str:
    return f"={shown(flag)}" if isinstance(flag, str) else ""


def _as_text(match: re.Match[str]) -> Override:
    quoted = QuotedString(text=match[2], quote=Quote.single).with_quotes()
    override = OverridesParser.create().parse_override(match[1] + quoted)
    return override


def _listed(override: Override) -> str:
    """Return the levels of a sweep as a list."""
    sweep: Any = override._value
    key = override.get_key_element()
    if isinstance(sweep, ChoiceSweep) and sweep.simple_form:
        return f"[{raw(override)}]"
    if isinstance(sweep, RangeSweep | ChoiceSweep):
        try:
            levels = [str(level) for _, level in zip(range(FEW + 1), override.sweep_string_iterator(), strict=False)]
        except (HydraException, ValueError, TypeError, ZeroDivisionError):
            levels = []
        if levels:
            return f"[{','.join(levels[:FEW])}{',...' if len(levels) > FEW else ''}]"
    return "[1,2]" if key in ORDINAL else "[name,name]"


def _refuse_twice(override: Override) -> None:
    """Refuse a level that is selected twice, which Hydra merges in silence."""
    value = override.value()
    # Only a factor's own list is one of levels; widths and targets may well repeat a number.
    if isinstance(value, list) and "." not in override.key_or_group:
        for place, level in enumerate(value):
            if any(type(level) is type(other) and level == other for other in value[:place]):
                given = shown(override.input_line)
                raise UserError(f"{given}: {shown(level)} is there twice; each level may stand once")


def _refuse_open(word: str, following: Sequence[str]) -> None:
    """Refuse a list or mapping that the shell has taken apart at its spaces, or that was never closed."""
    joined = [word]
    for other in ["", *following]:
        joined += [other] if other else []
        text = " ".join(joined)
        balance = [text.count(opens) - text.count(closes) for opens, closes in ("[]", "{}", "()")]
        if any(quote in text for quote in "'\"") or TEXT.fullmatch(word):
            return  # what stands in quotes, or is a path, may have any brackets
        if not any(balance):
            break
    if any(balance):
        raise UserError(f"{shown(word)}: not an override as key=value: a bracket of it is not closed, or not opened")
    if len(joined) > 1:
        raise UserError(
            f"{shown(word)}: is cut at a space; an override with spaces stands in quotes, as {shown(text)!r}"
        )


def _refuse_apart(word: str, following: Sequence[str]) -> None:
    """Refuse a key that stands apart from its value."""
    if re.fullmatch(r"[+~]*\w[\w.]*", word) and following and not word.startswith("~"):
        value = following[1] if following[0] == "=" and len(following) > 1 else following[0]
        if following[0] == "=" or ("=" not in value and (word in READ_BY_SOME or word in WHERE_AND_HOW)):
            given = shown(f"{word}={value.removeprefix('=')}")
            raise UserError(f"{shown(word)}: an override is key=value without spaces; did you mean {given}?")


def _check_section(override: Override, reads: Collection[str] | None) -> None:
    section = override.key_or_group.partition(".")[0]
    if reads is None or section in reads or section not in READ_BY_SOME:
        return
    taker, given = STAGE_OF.get(section, "study.py"), shown(override.input_line)
    more = ""
    if _program() == "report.py" and section in FACTORS:
        more = f"; a study of these levels alone, name=another {given}, trains none of the cells that are there"
    raise UserError(
        f"{given}: {_program()} does not read {shown(section)}, it is for {taker}{more}; "
        f"taken here: {', '.join(sorted({*WHERE_AND_HOW, *reads}))}"
    )


def _program() -> str:
    return Path(sys.argv[0]).name


def _refuse_arguments(message: str) -> NoReturn:
    dashed = re.search(r"arguments: --?(\w[\w.]*)(?:=|\s+)?(\S*)", message)
    following = sys.argv[sys.argv.index(f"--{dashed[1]}") + 1 :] if dashed and f"--{dashed[1]}" in sys.argv else []
    value = dashed and (dashed[2] or next(iter(following), "..."))
    more = f"; an override has no dashes: {shown(f'{dashed[1]}={value}')}" if dashed else ""
    raise UserError(f"{shown(' '.join(sys.argv[1:]))}: {message}{more}")
