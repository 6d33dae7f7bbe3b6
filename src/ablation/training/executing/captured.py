"""The parts of a training as captured graphs: what a GPU is to do is told it once, and replayed by one call.

A step of twenty layers launches hundreds of kernels, which takes longer than the kernels do. A captured graph launches
all of them at once. It holds addresses, not tensors, and no Python: so a part works on tensors that stay where they
are, and has no number that changes from one time to the next.

The first time a part is executed eagerly, which brings all that it needs into being, and looked over (``Rehearsal``);
the second time it is captured, and from then on replayed. The numbers are those of the eager execution, to the bit.
What cannot be captured goes on eagerly, and that is said once.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from ablation.choices.optimizers import State
from ablation.training.executing.cuda import release_cached
from ablation.training.executing.execution import Body, Kind
from ablation.training.executing.rehearsal import Rehearsal

INCLUDES: Mapping[Kind, tuple[Kind, ...]] = {
    "step": ("step",),
    "probe": ("probe",),
    "evaluation": ("evaluation", "probe"),
}
"""What has been rehearsed with a part."""


class Graph(Protocol):
    """One captured part."""

    def capture(self, body: Body) -> None:
        """Record what a function does, which is not done yet."""
        ...

    def replay(self) -> None:
        """Do it."""
        ...

    def reset(self) -> None:
        """Forget it, and give its memory back."""
        ...


class CannotCaptureError(Exception):
    """A rule does what a graph cannot repeat."""


class Captured:
    """Parts are captured and replayed.

    Args:
        new_graph: makes a graph; those of one cohort are never replayed at the same time.
        choices: the cohort's, in words, named where a capture fails.
        rehearses: whether the first execution is looked over. What is compiled tries kernels when it is first called,
            which looks at clocks and numbers and is no part of the work.
    """

    looks = False

    def __init__(self, new_graph: Callable[[], Graph], choices: str, rehearses: bool = True) -> None:
        self._new_graph, self._choices, self._rehearses = new_graph, choices, rehearses
        self._ready: set[Kind] = set()
        self._eager: set[Kind] = set()
        self._graphs: dict[Kind, Graph] = {}
        self._stepped = False

    def run(self, kind: Kind, body: Body, states: Sequence[State]) -> None:
        """As ``Execution.run``."""
        if kind in self._graphs:
            self._graphs[kind].replay()
        elif kind in self._eager:
            body()
        elif kind not in self._ready:
            self._rehearse(kind, body)
        elif self._capture(kind, body, states):
            self._graphs[kind].replay()
        else:
            body()

    def forget(self) -> None:
        """As ``Execution.forget``: what was captured worked on the tensors that were."""
        self.close()
        self._ready.clear()

    def close(self) -> None:
        """As ``Execution.close``."""
        for graph in self._graphs.values():
            graph.reset()
        self._graphs.clear()

    def _rehearse(self, kind: Kind, body: Body) -> None:
        if self._rehearses:
            with Rehearsal() as rehearsal:
                body()
            if rehearsal.found is not None:
                self._give_up(kind, rehearsal.found)
                return
        else:
            body()
            if kind == "step" and not self._stepped:
                # A rule remembers nothing yet in the first step, and is compiled for those in which it does.
                self._stepped = True
                return
        self._ready.update(INCLUDES[kind])

    def _capture(self, kind: Kind, body: Body, states: Sequence[State]) -> bool:
        """Capture a part and return whether that could be done."""
        try:
            try:
                graph = self._captured(body, states)
            except torch.OutOfMemoryError:
                # What eager execution has left in the cache is out of a capture's reach.
                release_cached()
                graph = self._captured(body, states)
        except Exception as error:  # whatever it is, eager execution comes to the same, or raises it again
            self._give_up(kind, f"{self._choices} ({' '.join(str(error).split())[:200]})")
            return False
        self._graphs[kind] = graph
        return True

    def _captured(self, body: Body, states: Sequence[State]) -> Graph:
        graph, before = self._new_graph(), [dict(state) for state in states]
        try:
            graph.capture(lambda: _in_place(body, states, before))
        except BaseException:  # raised again
            for state, was in zip(states, before, strict=True):
                state.clear()
                state.update(was)
            graph.reset()
            raise
        return graph

    def _give_up(self, kind: Kind, reason: str) -> None:
        self._eager.add(kind)
        if reason not in _TOLD:
            _TOLD.add(reason)
            sys.stderr.write(f"not captured as a CUDA graph, so trained more slowly: {reason}\n")


_TOLD: set[str] = set()
"""What was said in this process; many cohorts have the same reason."""


def _in_place(body: Body, states: Sequence[State], before: Sequence[Mapping[str, Tensor]]) -> None:
    """Call a part, and where a rule has put another tensor in the place of what it remembers, write that over the one
    that was there, from which the next replay will go on.

    Raises:
        CannotCaptureError: a rule remembers something else than before, or what is no tensor.
    """
    body()
    replaced = []
    for state, was in zip(states, before, strict=True):
        if state.keys() != was.keys():
            raise CannotCaptureError("a rule remembers something new after its first step")
        for name, old in was.items():
            new = state[name]
            if not isinstance(old, Tensor) or not isinstance(new, Tensor):
                raise CannotCaptureError(f"a rule remembers {name}, which is no tensor")
            if new is not old:
                if (new.shape, new.dtype) != (old.shape, old.dtype):
                    raise CannotCaptureError(f"a rule remembers {name} in another form in each step")
                # A copy, for one may have been put in another's place.
                replaced.append((state, name, old, new.clone()))
    for state, name, old, new in replaced:
        old.copy_(new)
        state[name] = old
