"""Whether an optimizer is adaptive: tried, for of a rule's text alone one cannot tell.

Legend: S cells, N numbers of a weight matrix in a row, B batch, I fan-in, O fan-out, 1 an axis of length one.
"""

import torch

from ablation.choices.clipping import CLIPPINGS
from ablation.choices.optimizers import OPTIMIZERS
from ablation.training.data import generator
from ablation.training.descent import Descent, Numbers, Part, without_decay
from ablation.training.ingredients import Moment
from ablation.training.spec import Level, bind, numbers_of, without_numbers

LARGER, STEPS, CLOSE = 1024.0, 4, 0.01
"""How many times as large gradients are tried, for how many steps, and which departure from as large a step counts."""

CELLS, BATCH, SHAPE = 2, 5, (3, 4)
"""What is tried: a weight matrix of so many cells, made of batches of so many examples."""


def is_adaptive(level: Level) -> bool:
    """Return whether an optimizer's way is other than ``LARGER`` times as long where its gradients are.

    That of gradient descent is as long, with momentum and Nesterov's too: a small gradient makes a small step. A rule
    that divides by a gradient's size, or takes its sign or its directions alone, makes steps of a length of its own.
    """
    way, larger = _way(level, 1.0), _way(level, LARGER)
    return not torch.allclose(larger, LARGER * way, rtol=CLOSE, atol=0.0)


def _way(level: Level, scale: float) -> torch.Tensor:
    """Return how far parameters come by gradients of a scale, weight decay left aside."""
    own = without_decay(level)
    descend = Descent(CLIPPINGS["none"], bind(OPTIMIZERS, without_numbers(own)))
    draw, (fan_in, fan_out), state = generator(0, "adaptive"), SHAPE, dict[str, torch.Tensor]()
    param_SN, lr_S1 = torch.zeros(CELLS, fan_in * fan_out), torch.full((CELLS, 1), 2.0**-10)
    with torch.inference_mode():
        for step in range(STEPS):
            input_SBI = torch.randn(CELLS, BATCH, fan_in, generator=draw)
            error_SBO = scale * torch.randn(CELLS, BATCH, fan_out, generator=draw)
            grad_SN = torch.bmm(input_SBI.transpose(1, 2), error_SBO).flatten(1)
            part = Part(0, param_SN, grad_SN, [grad_SN], state, {}, SHAPE, input_SBI, error_SBO)
            moment = Moment(torch.tensor(step), STEPS, 1, torch.ones(CELLS, 1), torch.tensor(0))
            descend([part], lr_S1, Numbers({}, numbers_of(own)), moment)
    return param_SN
