"""From a text in C++ to functions of this process: compiled once a machine, kept on disk, loaded without torch's tools.

Torch's own builder for extensions takes half a minute for what the headers of torch hold, of which nothing is needed
here: numbers are handed over by their addresses.
"""

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

COMPILERS = ("g++", "clang++", "c++")
"""Looked for in this order; the environment variable CXX comes first."""

FLAGS = ("-std=c++17", "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-fopenmp-simd")
"""How all is compiled: for this processor, and without leave to change what a number is."""

CHECK = "__builtin_bit_cast"
"""The youngest word of the language that is used: a compiler without it is too old."""


class CannotBuildError(RuntimeError):
    """The compiler refuses what it was given."""


@cache
def compiler() -> str | None:
    """Return the C++ compiler, or none where there is none that is young enough."""
    for name in (os.environ.get("CXX", ""), *COMPILERS):
        path = shutil.which(name) if name else None
        if path is not None and _target(path):
            return path
    return None


@cache
def _target(path: str) -> str:
    """Return all that a compiler says of itself and of the processor that it compiles for; nothing where it cannot."""
    test = f"#if !__has_builtin({CHECK})\n#error\n#endif\n"
    run = _run([path, *FLAGS, "-E", "-dM", "-x", "c++", "-"], test)
    return run.stdout if run is not None and run.returncode == 0 else ""


def _run(command: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str] | None:
    """Return what came of a command, or none where it cannot be run at all."""
    try:
        return subprocess.run(command, input=text, capture_output=True, encoding="utf-8", errors="replace", check=False)
    except OSError:
        return None


def identity() -> str:
    """Return what compiles, with a digest of its version, of its settings and of the processor it compiles for."""
    path = compiler()
    if path is None:
        return "none"
    digest = hashlib.sha256("\n".join([_target(path), *FLAGS]).encode()).hexdigest()[:12]
    version = next((line.split('"')[1] for line in _target(path).splitlines() if " __VERSION__ " in line), "")
    return f"{Path(path).name} {version} {digest}"


def folder() -> Path:
    """Return where what was compiled is kept: among the user's caches, or where there is none among temporary files.

    Raises:
        CannotBuildError: nothing can be kept there either.
    """
    home = os.path.expanduser("~")  # which stays as it is where there is none
    chosen = os.environ.get("XDG_CACHE_HOME") or (f"{home}/.cache" if os.path.isabs(home) else None)
    temporary = Path(tempfile.gettempdir()) / f"ablation-{os.getuid()}"
    for parent in (chosen, temporary):
        if parent is None:
            continue
        place = Path(parent) / "ablation" / "native"
        try:
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:
            continue
        # What is loaded is run: it must be nobody else's, as a folder among temporary files might be.
        owners = {each.stat().st_uid for each in (place, temporary if parent == temporary else place)}
        if owners == {os.getuid()} and os.access(place, os.W_OK):
            return place
    raise CannotBuildError(f"neither the user's cache nor {temporary} can be written to")


def library(text: str, flags: Sequence[str] = (), headers: Path | None = None) -> ctypes.CDLL:
    """Return the functions of a text, compiled in an earlier process or now.

    Args:
        text: C++, whose functions are ``extern "C"``.
        flags: beside ``FLAGS``.
        headers: the folder of the headers that it includes.

    Raises:
        CannotBuildError: it was not compiled.
    """
    found = _library(text, tuple(flags), headers)
    if isinstance(found, str):
        raise CannotBuildError(found)
    return found


@cache
def _library(text: str, flags: tuple[str, ...], headers: Path | None) -> ctypes.CDLL | str:
    """Return the functions, or why there are none: a compiler that refuses, in seconds, is not asked for every cell."""
    digest = hashlib.sha256("\n".join([identity(), *flags, text]).encode())
    for header in sorted(headers.glob("*.h")) if headers else ():
        digest.update(header.read_bytes())
    try:
        name = digest.hexdigest()
        return ctypes.CDLL(str(_kept(name) or _compiled(name, text, flags, headers)))
    except (CannotBuildError, OSError) as error:  # the latter of a disk that is full, or from which nothing may be run
        return str(error)


def _kept(name: str) -> Path | None:
    """Return what was compiled in an earlier process; none where there is nothing, or what is there was damaged."""
    for path in sorted(folder().glob(f"{name}-*.so")):
        if path.stem == _stem(name, path):
            return path
    return None


def _stem(name: str, made: Path) -> str:
    """Return the name under which something compiled is kept, which tells whether it is whole."""
    return f"{name}-{hashlib.sha256(made.read_bytes()).hexdigest()[:16]}"


def _compiled(name: str, text: str, flags: Sequence[str], headers: Path | None) -> Path:
    """Compile a text and return where it is kept."""
    path = compiler()
    if path is None:
        raise CannotBuildError("no C++ compiler was found")
    place = folder()
    with tempfile.TemporaryDirectory(dir=place) as scratch:
        source, unfinished = Path(scratch) / "text.cpp", Path(scratch) / "made.so"
        source.write_text(text, "utf-8")
        include = [f"-I{headers}"] if headers else []
        command = [path, *FLAGS, *flags, *include, "-fPIC", "-shared", "-o", str(unfinished), str(source), "-lm"]
        run = _run(command)
        if run is None or run.returncode or not unfinished.exists():
            lines = run.stderr.strip().splitlines() if run is not None else []
            told = next((line for line in lines if "error" in line), next(iter(lines), "no reason told"))
            raise CannotBuildError(f"cannot be compiled by {path}: {told.replace(f'{scratch}/', '')}")
        # As a whole: this process may be killed, and others make the same.
        return unfinished.replace(place / f"{_stem(name, unfinished)}.so")
