"""How many multiplications and additions the matrix products of some code are.

Torch's own ``FlopCounterMode`` counts the same, but has torch load its compiler, which takes longer than to train a
small study.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class Products(TorchDispatchMode):  # type: ignore[no-untyped-call]  # its base is not annotated
    """Counts the operations of the products that are made within it.

    Attributes:
        operations: multiplications and additions so far.
    """

    operations = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # By torch's default each of these calls is kept from the compiler, for which that is loaded.
        return False

    def __torch_dispatch__(
        self, operation: Any, types: object, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        made = operation(*args, **(kwargs or {}))
        count: Callable[..., int] | None = flop_registry.get(operation.overloadpacket)
        if count is not None:
            self.operations += count(*args, **(kwargs or {}), out_val=made)
        return made
