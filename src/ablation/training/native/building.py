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
    run = subprocess.run(
        [path, *FLAGS, "-E", "-dM", "-x", "c++", "-"], input=test, capture_output=True, text=True, check=False
    )
    return run.stdout if run.returncode == 0 else ""


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
        if place.stat().st_uid == os.getuid() and os.access(place, os.W_OK):
            return place
    raise CannotBuildError(f"neither the user's cache nor {temporary} can be written to")


@cache
def library(text: str, flags: Sequence[str] = (), headers: Path | None = None) -> ctypes.CDLL:
    """Return the functions of a text, compiled in an earlier process or now.

    Args:
        text: C++, whose functions are ``extern "C"``.
        flags: beside ``FLAGS``.
        headers: the folder of the headers that it includes.

    Raises:
        CannotBuildError: it was not compiled.
    """
    path = compiler()
    if path is None:
        raise CannotBuildError("no C++ compiler was found")
    digest = hashlib.sha256("\n".join([identity(), *flags, text]).encode())
    for header in sorted(headers.glob("*.h")) if headers else ():
        digest.update(header.read_bytes())
    made = folder() / f"{digest.hexdigest()}.so"
    if not made.exists():
        with tempfile.TemporaryDirectory(dir=made.parent) as scratch:
            source, unfinished = Path(scratch) / "text.cpp", Path(scratch) / "made.so"
            source.write_text(text, "utf-8")
            include = [f"-I{headers}"] if headers else []
            command = [path, *FLAGS, *flags, *include, "-fPIC", "-shared", "-o", str(unfinished), str(source), "-lm"]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            if run.returncode:
                raise CannotBuildError(f"{path}: {run.stderr.strip().splitlines()[:1]}")
            unfinished.replace(made)  # as a whole: this process may be killed, and others make the same
    return ctypes.CDLL(str(made))
