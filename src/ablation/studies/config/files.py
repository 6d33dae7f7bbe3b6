"""YAML files as data: read with limits, and refused in one line that names the file and the line.

Hydra's own loader builds whatever a file says: objects by tags, aliases that grow to gigabytes. Each file that takes
part is read here first, event by event, before anything is built from it.
"""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from ablation import UserError
from ablation.levels import is_text, shown

LARGEST = 2**20
"""Bytes of a file."""

MOST_NODES, DEEPEST = 100_000, 20
"""Values of a file, aliases counted as often as they are used, and how far they may be nested."""

LONGEST_NUMBER = 40
"""Digits of a number; the longest that means anything is a seed's, of 19."""

OCTAL = re.compile(r"[-+]?0[0-9_]+")
SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
DIGITS = re.compile(r"[-+]?[0-9_]+")

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(path: Path, shown_as: str) -> dict[str, Any]:
    """Return what a file of the config holds: a mapping, empty where the file is.

    Args:
        path: the file.
        shown_as: its name in messages.

    Raises:
        UserError: the file cannot be read, is no single YAML document that holds a mapping, or goes beyond the limits.
    """
    text = _text(path, shown_as)
    try:
        _look(text, shown_as)
        node = yaml.compose(text, Loader)
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            raise _refused(shown_as, node, "must hold keys with their values, as 'relu: {}'")
        _count(node, shown_as, {})
        content: dict[str, Any] = yaml.load(text, Loader)
    except UserError:
        raise
    except yaml.MarkedYAMLError as error:
        # What was opened and never closed is told where it was opened.
        opened = error.context_mark if re.search("flow|quoted", error.context or "") else None
        mark = opened or error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise UserError(f"{shown_as}{line}: is no YAML that can be read here ({shown(what)})") from error
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{shown_as}: is no YAML that can be read here ({shown(error)})") from error
    return content


def is_global(path: Path) -> bool:
    """Return whether a file's head says that its keys are the config's own, ``# @package _global_``."""
    for line in path.read_text("utf-8").splitlines():
        if re.match(r"\s*#\s*@package\s+_global_\s*$", line):
            return True
        if line.strip() and not line.lstrip().startswith("#"):
            break
    return False


def line_of(path: Path, *keys: object) -> str:
    """Return where the last of these keys, each within the one before, stands in a file that can be read: ", line 7".

    Nothing where it is not in the file.
    """
    node, line = yaml.compose(path.read_text("utf-8"), Loader), None
    for key in keys:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        found = next(((name, value) for name, value in pairs if name.value == str(key)), None)
        if found is None:
            return ""
        line, node = found[0].start_mark.line + 1, found[1]
    return f", line {line}"


def _text(path: Path, shown_as: str) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{shown_as}: cannot be read ({error.strerror})") from error
    if len(content) > LARGEST:
        raise UserError(f"{shown_as}: has {len(content):,} bytes; a file of the config has at most {LARGEST:,}")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(f"{shown_as}, line {line}: is not written in UTF-8") from error
    if text.startswith("\ufeff"):
        raise UserError(f"{shown_as}, line 1: begins with a byte-order mark; save it as UTF-8 without one")
    return text


def _look(text: str, shown_as: str) -> None:
    """Go through a file's events, which takes no more memory than the file, and refuse what must not be built."""
    depth = documents = nodes = 0
    for event in yaml.parse(text, Loader):
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _refused(shown_as, event, "begins a second document; a file of the config has one")
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise _refused(shown_as, event, f"is nested more than {DEEPEST} levels deep")
        if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            depth -= 1
        if isinstance(event, yaml.NodeEvent):
            nodes += 1
            if nodes > MOST_NODES:
                raise _refused(shown_as, event, f"holds more than {MOST_NODES:,} values")
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise _refused(shown_as, event, f"has the tag {shown(tag)}; a file of the config has none")
        if isinstance(event, yaml.ScalarEvent):
            _check_scalar(event, shown_as)


def _check_scalar(event: yaml.ScalarEvent, shown_as: str) -> None:
    value = event.value
    if not is_text(value):
        raise _refused(shown_as, event, "holds text that is not Unicode, or the character 0")
    if event.style:  # in quotes, or a block: text, whatever it looks like
        return
    if OCTAL.fullmatch(value) and set(value) - set("+-0_"):
        raise _refused(shown_as, event, f"{shown(value)} is a number to the base 8 in YAML; write it without the 0")
    if SEXAGESIMAL.fullmatch(value):
        raise _refused(shown_as, event, f"{shown(value)} is a number to the base 60 in YAML; put text in quotes")
    if DIGITS.fullmatch(value) and len(value) > LONGEST_NUMBER:
        raise _refused(shown_as, event, f"has a number of {len(value)} digits; the longest has {LONGEST_NUMBER}")


def _count(node: yaml.Node, shown_as: str, known: dict[int, int | None], depth: int = 0) -> int:
    """Return how many values a node stands for, every alias written out; refuse keys that are twice or no text.

    Args:
        known: the numbers of nodes that were counted before; none of one that is being counted.
    """
    if id(node) in known:
        size = known[id(node)]
        if size is None:
            raise _refused(shown_as, node, "holds itself by an alias")
        return size
    if depth > DEEPEST:
        raise _refused(shown_as, node, f"is nested more than {DEEPEST} levels deep")
    known[id(node)] = None
    size = 1
    if isinstance(node, yaml.MappingNode):
        seen: set[Hashable] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _refused(shown_as, key, "has a list or a mapping for a key; keys are words")
            if key.tag == "tag:yaml.org,2002:null":
                raise _refused(shown_as, key, "has an empty key; keys are words")
            if (key.tag, key.value) in seen:
                raise _refused(shown_as, key, f"has the key {shown(key.value)} a second time")
            seen.add((key.tag, key.value))
            size += 1 + _count(value, shown_as, known, depth + 1)
    elif isinstance(node, yaml.SequenceNode):
        size += sum(_count(value, shown_as, known, depth + 1) for value in node.value)
    if size > MOST_NODES:
        raise _refused(shown_as, node, f"stands for more than {MOST_NODES:,} values, its aliases written out")
    known[id(node)] = size
    return size


def _refused(shown_as: str, at: Any, what: str) -> UserError:
    return UserError(f"{shown_as}, line {at.start_mark.line + 1}: {what}")
