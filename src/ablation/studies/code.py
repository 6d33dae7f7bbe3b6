"""Which code decides a cell's numbers: all of ``training/``, and of the choices what the cell's own levels reach.

A function is followed to the functions, classes, constants and imports of its file that it names, and these to theirs;
an import of a file of ours, or of one beside it, into that file. Code is read as syntax, without comments and
docstrings: what is only said does not count, nor does where it stands. What is reached in no such way (by ``getattr``,
say, or ``globals``) is not seen.
"""

import ast
import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from types import CodeType
from typing import Any

import ablation
from ablation.studies.own.files import owner_of, text_of
from ablation.studies.own.reading import OwnFile
from ablation.training import sources

PACKAGE = Path(ablation.__file__).parent


class Module:
    """A file's module-level names, each with the statements that bind it, and what is done there beside.

    Args:
        path: the file.
        text: what stands in it.

    Attributes:
        names: the statements that bind a name.
        registered: the statements that put something under a name into a table, as ``ACTIVATIONS["mish"] = mish``.
        rest: those that bind none: they may do anything to any of them.
    """

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.names: dict[str, list[ast.stmt]] = {}
        self.registered: dict[str, list[ast.Assign]] = {}
        self.rest: list[ast.stmt] = []
        for statement in without_words(ast.parse(text)).body:
            bound = list(_bound(statement))
            for name, part in bound:
                self.names.setdefault(name, []).append(part)
            kind = _registers(statement)
            if kind is not None and isinstance(statement, ast.Assign):
                self.registered.setdefault(kind, []).append(statement)
            elif not bound and not isinstance(statement, ast.Pass):
                self.rest.append(statement)

    def reach(self, names: Iterable[str], seen: set[tuple[Path, str]]) -> Iterator[str]:
        """Yield the text of all that these names lead to, but what was ``seen`` before."""
        waiting = [*names]
        while waiting:
            name = waiting.pop()
            if name not in self.names or (self.path, name) in seen:
                continue
            seen.add((self.path, name))
            for statement in self.names[name]:
                yield f"{name}: {ast.unparse(statement)}"
                waiting += _named(statement)
                yield from self._imported(statement, seen)

    def _imported(self, statement: ast.stmt, seen: set[tuple[Path, str]]) -> Iterator[str]:
        """Yield what an import of a file of ours, or of one beside this one, leads to there."""
        if isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            (alias,) = statement.names
            within = _file_of(f"{statement.module}.{alias.name}", self.path)
            file = within or _file_of(statement.module, self.path)
            wanted = None if within or alias.name == "*" else [alias.name]
        elif isinstance(statement, ast.Import):
            file, wanted = _file_of(statement.names[0].name, self.path), None
        else:
            return
        if file is not None:
            there = module(file)
            yield from there.reach(there.names if wanted is None else wanted, seen)
            if (file, "") not in seen:
                seen.add((file, ""))
                yield from map(ast.unparse, there.rest)


def module(path: Path) -> Module:
    """Return a file's module; one that has not changed is read once in a process."""
    own = text_of(path)
    return _module(path, path.read_text("utf-8") if own is None else own)


@cache
def _module(path: Path, text: str) -> Module:
    return Module(path, text)


def digest(texts: Iterable[str]) -> str:
    """Return the digest of texts in whatever order."""
    return hashlib.sha256("\n".join(sorted(texts)).encode()).hexdigest()


@cache
def training_digest() -> str:
    """Return the digest of what ``training/`` does, and of what it takes from ``choices/`` by itself.

    Registries are not that: a cell's levels say which of their members count.
    """
    texts, seen = [], set[tuple[Path, str]]()
    for name, path in _training():
        text = path.read_text("utf-8")
        is_python = path.suffix == ".py"
        texts.append(f"{name}: {ast.unparse(without_words(ast.parse(text))) if is_python else without_comments(text)}")
    for file, name, value in _taken():
        if not isinstance(value, dict | frozenset):
            texts += module(file).reach([name], seen)
    return digest(texts)


def without_comments(text: str) -> str:
    """Return a text in C++ without its comments, which begin with two strokes, nor blank lines."""
    lines = (line.partition("//")[0].rstrip() for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def choice_digest(registry: Mapping[str, Callable[..., Any]], kind: str) -> str:
    """Return the digest of what a registered choice does, wherever it was defined, and of which sets it is one."""
    owner = owner_of(registry, kind)
    return _digest_of(registry[kind], kind) if owner is None else _digest_of_own(owner, kind)


@cache
def function_digest(function: Callable[..., Any]) -> str:
    """Return the digest of what a function of the project does."""
    return digest(_texts_of(function))


@cache
def _digest_of(choice: Callable[..., Any], kind: str) -> str:
    return digest([*_sets(kind), *_texts_of(choice)])


@cache
def _digest_of_own(file: OwnFile, kind: str) -> str:
    """Return the digest of what a user's file does to register a choice, whatever the choice is and where it stands.

    A decorated function, a method or what a function returns has its code elsewhere; what registers it names all that
    it is made of.
    """
    there, texts = module(Path(file.path)), []
    reached = []
    for registration in there.registered.get(kind, []):
        texts.append(ast.unparse(registration))
        reached += _named(registration.value)
    for statement in there.rest:
        texts.append(ast.unparse(statement))
        reached += _named(statement)
    # What no statement of its own registers may reach anything in the file.
    names = reached if kind in there.registered else [*there.names]
    return digest([*_sets(kind), *texts, *there.reach(names, set())])


def _sets(kind: str) -> list[str]:
    """Say of which sets that the trainer knows a kind is one."""
    return [f"{name}: {kind in value}" for _, name, value in _taken() if isinstance(value, frozenset)]


def _training() -> list[tuple[str, Path]]:
    return [(name, path) for name, path in sources().items() if name.startswith("training/")]


@cache
def _taken() -> list[tuple[Path, str, object]]:
    """Return what ``training/`` imports from ``choices/``: its file, its name and its value."""
    found: dict[tuple[Path, str], object] = {}
    for _, path in _training():
        if path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ablation.choices."):
                there = import_module(str(node.module))
                file = Path(str(there.__file__))
                found |= {(file, alias.name): getattr(there, alias.name) for alias in node.names}
    return [(*place, value) for place, value in sorted(found.items())]


def _texts_of(choice: Any) -> Iterator[str]:
    if isinstance(choice, partial):
        yield repr((choice.args, sorted(choice.keywords.items())))
        choice = choice.func
    code: CodeType | None = getattr(choice, "__code__", None)
    name = getattr(choice, "__qualname__", "")
    file = Path(code.co_filename if code else getattr(sys.modules[choice.__module__], "__file__", None) or "")
    if not file.is_file():
        yield from _texts_of_code(code)
        return
    there = module(file)
    # What has no name of its own in its file may reach anything there.
    yield from there.reach([name] if name in there.names else there.names, set())
    yield from map(ast.unparse, there.rest)


def _texts_of_code(code: CodeType | None) -> Iterator[str]:
    """Yield what a function does that stands in no file, as one of a notebook."""
    if code is None:
        raise TypeError("a choice must be a function or a class of a file")
    yield repr((code.co_code, code.co_names, code.co_varnames))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _texts_of_code(constant)
        else:
            yield repr(constant)


def without_words(tree: ast.Module) -> ast.Module:
    """Return the tree without docstrings and other texts that are only there; comments are in none."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [statement for statement in node.body if not _is_text(statement)] or [ast.Pass()]
    return tree


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _bound(statement: ast.stmt) -> Iterator[tuple[str, ast.stmt]]:
    """Yield the names that a statement of a module binds, each with what of it binds the name."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name, statement
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        for alias in statement.names:
            alone = (
                ast.Import([alias])
                if isinstance(statement, ast.Import)
                else ast.ImportFrom(statement.module, [alias], statement.level)
            )
            yield (alias.asname or alias.name.partition(".")[0]), alone
    else:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id, statement
            elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.alias):
                yield (node.name if not isinstance(node, ast.alias) else node.asname or node.name), statement


def _registers(statement: ast.stmt) -> str | None:
    """Return the name under which a statement puts something into a table, if that is all that it does."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        (target,) = statement.targets
        if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            key = target.slice.value if isinstance(target.slice, ast.Constant) else None
            return key if isinstance(key, str) and not list(_bound(statement)) else None
    return None


def _named(statement: ast.AST) -> list[str]:
    """Return all names that a statement uses; those of its own are among them, which does no harm."""
    return [node.id for node in ast.walk(statement) if isinstance(node, ast.Name)]


def _file_of(name: str, importer: Path) -> Path | None:
    """Return the file of a module that is ours, or lies beside the file that imports it; none of any other."""
    parts = name.split(".")
    place = PACKAGE.joinpath(*parts[1:]) if parts[0] == "ablation" else importer.parent.joinpath(*parts)
    files = (place.with_suffix(".py"), place / "__init__.py")
    return next((file for file in files if file.is_file()), None)
