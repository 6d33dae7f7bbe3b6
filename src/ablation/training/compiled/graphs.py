"""Compiled graphs, and where they are kept, for making one takes a second or more.

Three places keep what is made, each faster than the next: this process; a file that holds the graph's program, so that
another process need not trace it; and torch's own cache, which holds the machine code.

Graphs are traced and called here rather than through ``torch.compile``, which looks at every argument anew at each
call: that takes as long as the passes over memory that a small layer is spared.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ablation.training import sources
from ablation.training.compiled.tracing import compiler_settings, trace

Program = Callable[[list[Tensor]], tuple[Tensor, ...]]

DIGESTED = ("ablation.choices.", "ablation.training.")
"""The modules whose files decide a graph beside its name and choices."""


class Graph:
    """A function of tensors, compiled for all sizes: by ``make``, or else when it is first called.

    Args:
        name: what, beside the project's own code and ``choices``, decides the function: the levels bound in it. What
            has the same name is made only once.
        function: takes tensors and returns a tuple of them; may change them in place.
        example: such tensors, laid out as they will be. What has the same length or stride here is taken to be always
            the same, what has another may differ.
        choices: the registered choices that it calls. With one that is not of the files whose digest is in the key, and
            whose text could change unseen, nothing is kept on disk.
    """

    def __init__(
        self,
        name: object,
        function: Callable[..., Any],
        example: Sequence[Tensor],
        choices: Sequence[object] = (),
    ) -> None:
        device = example[0].device
        self._function, self._example = function, example
        called = [function for choice in choices for function in _called(choice)]
        self._foreign = [function for function in called if not str(function.__module__).startswith(DIGESTED)]
        self._key = _key((name, [id(choice) for choice in self._foreign]), device)
        # A GPU's program alone would not do: what calls it moves tensors that are not aligned as it takes them to be.
        self._is_kept = not self._foreign and device.type == "cpu"
        self._program: Program = self._made_first

    def __call__(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Return what the function would; changes in place what it would."""
        return self._program(list(tensors))

    def _made_first(self, tensors: list[Tensor]) -> tuple[Tensor, ...]:
        self.make()
        return self._program(tensors)

    def make(self, wait: bool = True) -> bool:
        """Make the program, or fetch it from where it is kept.

        Args:
            wait: for another process that is making the same; without, nothing is done then.

        Returns:
            Whether the graph can be called now.

        Raises:
            CannotCompileError: the function was traced for certain lengths alone.
        """
        if self._key not in _MADE:
            with compiler_settings():
                program = self._kept(wait) if self._is_kept else trace(self._function, self._example)
            if program is None:
                return False
            _MADE[self._key] = program, self._foreign
        self._program = _MADE[self._key][0]
        return True

    def _kept(self, wait: bool) -> Program | None:
        """Return the program kept on disk, having made it first if it is not there; see ``make``."""
        from torch._inductor.codecache import PyCodeCache, get_lock_dir
        from torch._inductor.runtime.cache_dir_utils import cache_dir
        from torch.utils._filelock import FileLock

        path = Path(cache_dir()) / "ablation" / f"{self._key}.py"
        if not path.exists():
            try:
                held = FileLock(Path(get_lock_dir()) / f"{self._key}.lock").acquire(blocking=wait)
            except TimeoutError:
                return None
            with held:
                if not path.exists():
                    made = trace(self._function, self._example)
                    if made.constants:
                        # Tensors of its own, which its text does not hold.
                        return made  # type: ignore[no-any-return]  # typed Any, for torch is imported late
                    path.parent.mkdir(parents=True, exist_ok=True)
                    # As a whole: this process may be killed while it writes.
                    unfinished = path.with_suffix(f".{uuid.uuid4().hex}")
                    unfinished.write_text(made.source_code, "utf-8")
                    unfinished.replace(path)
        program: Program = PyCodeCache.load_by_key_path(self._key, str(path)).call
        return program


_MADE: dict[str, tuple[Program, list[Any]]] = {}
"""What was made in this process, by its key, and the choices whose identity is part of that."""


def make(graphs: Sequence[Graph]) -> None:
    """Make all of these; workers that need the same at the same time share the work.

    Raises:
        CannotCompileError: a function was traced for certain lengths alone.
    """
    waiting = list(graphs)
    while waiting:
        elsewhere = [graph for graph in waiting if not graph.make(wait=False)]
        if len(elsewhere) == len(waiting):
            elsewhere[0].make()
        waiting = elsewhere


def _called(choice: Any) -> Iterator[Any]:
    """Yield the functions that a choice calls: of one with arguments filled in, those among the arguments too."""
    if not isinstance(choice, partial):
        yield choice
        return
    for part in (choice.func, *choice.args, *choice.keywords.values()):
        if callable(part):
            yield from _called(part)


def _key(name: object, device: torch.device) -> str:
    """Return the digest of all that decides a graph's program."""
    from torch._inductor.cpu_vec_isa import pick_vec_isa

    # The number of threads is written into a processor's program.
    where = (str(pick_vec_isa()), torch.get_num_threads()) if device.type == "cpu" else str(device)
    digest = hashlib.sha256(repr((name, torch.__version__, where)).encode())
    for path in sources().values():
        digest.update(path.read_bytes())
    return digest.hexdigest()
