"""Choices of a user's own: files of Python that register them, run here and on whatever machine trains.

A file does with its functions what the project's own files do, ``ACTIVATIONS["mish"] = mish``. It is read once, with
the files beside it that it imports, and what was read is what runs everywhere, whatever becomes of the files meanwhile.
Of a process one set of files is in force at a time.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from ablation import UserError
from ablation.levels import shown
from ablation.studies.own.form import check_form
from ablation.studies.own.reading import Files, OwnFile, read
from ablation.studies.registries import ALL

MODULE = "own choices "
"""What the module of a file is called before the file's name: nothing that an import could mean."""

RESERVED = frozenset("null none true false yes no on off nan inf kind defaults".split())
"""Words that no level can be called."""

_files: Files = ()
_owners: dict[tuple[str, str], OwnFile] = {}
_texts: dict[str, str] = {}
_shown: dict[str, str] = {}


def files() -> Files:
    """Return the files that are in force."""
    return _files


def owners() -> Mapping[tuple[str, str], OwnFile]:
    """Return which file registered what: by factor and kind."""
    return _owners


def owner_of(registry: Mapping[str, Any], kind: str) -> OwnFile | None:
    """Return the file that registered a kind in a registry, if one did."""
    return next((file for (factor, name), file in _owners.items() if name == kind and ALL[factor] is registry), None)


def text_of(path: Path) -> str | None:
    """Return what a file of those in force, or one beside them, said when it was read."""
    return _texts.get(str(path))


def fault(error: BaseException) -> str | None:
    """Return in a line where in a user's own files an exception came from, if it came through one."""
    trace = error.__traceback__
    found = None
    while trace is not None:
        path = trace.tb_frame.f_code.co_filename
        if path in _shown:
            found = f"{_shown[path]}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return None if found is None else f"{found}: {kind_of(error)}"


def load(paths: Sequence[str]) -> Files:
    """Read these files and put them in force, in place of any before.

    Raises:
        UserError: a file cannot be read or run, or registers what cannot be a choice.
    """
    install(tuple(read(path) for path in paths))
    return _files


def install(wanted: Files) -> None:
    """Put files in force that were read before, here or on another machine.

    Raises:
        UserError: a file cannot be run, or registers what cannot be a choice; then none is in force.
    """
    global _files
    if wanted == _files:
        return
    _take_back()
    for file in wanted:
        _texts.update({path: text for _, path, text in file.beside} | {file.path: file.text})
        _shown.update({path: path for _, path, _ in file.beside} | {file.path: file.given})
    sys.meta_path.append(_FINDER)
    try:
        for file in wanted:
            _run(file)
    except BaseException:  # whatever it is, it goes on from here
        _take_back()
        raise
    # For what a choice imports when it is called.
    _FINDER.files = wanted
    _files = wanted


def _take_back() -> None:
    global _files
    for factor, kind in _owners:
        ALL[factor].pop(kind, None)
    _FINDER.forget()
    if _FINDER in sys.meta_path:
        sys.meta_path.remove(_FINDER)
    for kept in (_owners, _texts, _shown):
        kept.clear()
    _files = ()


def _run(file: OwnFile) -> None:
    """Run a file, and note what it registers."""
    before = {factor: dict(registry) for factor, registry in ALL.items()}
    module = ModuleType(MODULE + Path(file.path).stem)
    module.__file__ = file.path
    sys.modules[module.__name__] = module
    try:
        with _FINDER.beside(file):
            exec(compile(file.text, file.path, "exec"), module.__dict__)
        added = [(factor, kind) for factor, registry in ALL.items() for kind in registry if kind not in before[factor]]
        _check(file, before, added)
    except (Exception, SystemExit) as error:
        for factor, registry in ALL.items():
            registry.clear()
            registry.update(before[factor])
        if isinstance(error, UserError):
            raise
        raise UserError(fault(error) or f"{file.given}: {kind_of(error)}") from error
    _owners.update(dict.fromkeys(added, file))


def _check(file: OwnFile, before: Mapping[str, Mapping[str, Any]], added: Sequence[tuple[str, str]]) -> None:
    """Refuse a file that changes what is there, or registers what cannot be a choice."""
    for factor, there in before.items():
        for kind, choice in there.items():
            if ALL[factor].get(kind) is not choice:
                owner = _owners.get((factor, kind))
                by = f"by {owner.given}" if owner else "by the project"
                raise UserError(f"{file.given}: {factor} {kind}: is taken, {by}; a choice of your own has another name")
    if not added:
        raise UserError(f"{file.given}: registers nothing; a line such as ACTIVATIONS['mish'] = mish does")
    for factor, kind in added:
        if not isinstance(kind, str) or not re.fullmatch(r"[A-Za-z]\w*", kind, re.ASCII):
            raise UserError(f"{file.given}: {factor} {shown(kind)}: a name begins with a letter and has a-z, 0-9 and _")
        if kind.lower() in RESERVED:
            raise UserError(f"{file.given}: {factor} {kind}: means something else on a command line or in YAML")
        try:
            check_form(factor, ALL[factor][kind])
        except ValueError as error:
            raise UserError(f"{file.given}: {factor} {kind}: {error}") from error


def kind_of(error: BaseException) -> str:
    """Return an exception in a line, with what has been noted of it."""
    try:
        text = shown(str(error), 300)
    except Exception:  # a user's own exception may fail even in saying what it is
        text = ""
    notes = "".join(f", {shown(note)}" for note in getattr(error, "__notes__", ()))
    return (f"{type(error).__name__}: {text}" if text else type(error).__name__) + notes


class _Finder(MetaPathFinder, Loader):
    """Finds the files beside those of choices, where no other module has their name."""

    def __init__(self) -> None:
        self.files: Files = ()
        self._made: set[str] = set()

    def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:
        """As an import asks."""
        found = next((place for file in self.files for known, place, _ in file.beside if known == name), None)
        return None if found is None else ModuleSpec(name, self, origin=found)

    def exec_module(self, module: ModuleType) -> None:
        """Run what the file said when it was read."""
        spec = module.__spec__
        assert spec is not None
        assert spec.origin is not None
        module.__file__ = spec.origin
        self._made.add(module.__name__)
        exec(compile(_texts[spec.origin], spec.origin, "exec"), module.__dict__)

    @contextmanager
    def beside(self, file: OwnFile) -> Iterator[None]:
        """Find what lies beside one file while it runs, and leave no name of it behind for another's."""
        self.files = (file,)
        try:
            yield
        finally:
            self.forget()

    def forget(self) -> None:
        """Find nothing any more, and take away the modules that were found."""
        self.files = ()
        for name in self._made:
            sys.modules.pop(name, None)
        self._made.clear()


_FINDER = _Finder()
