"""Losses: what is minimized, with its gradient with respect to the network's outputs.

A loss takes the outputs and the labels and returns the mean over each cell's batch and the gradient of that mean.
Labels are classes, int64, or real numbers, of which there is one output; a loss that cannot be had of those fails.

Legend: S cells, B batch, C classes, 1 an axis of length one.
"""

from collections.abc import Callable

from torch import Tensor

LossAndGradient = tuple[Tensor, Tensor]


def cross_entropy(output_SBC: Tensor, label_SB: Tensor) -> LossAndGradient:
    """L = mean_b -log softmax(z_b)[y_b]; dL/dz = (softmax(z) - onehot(y)) / B, for outputs z in nats.

    Source: Bridle 1990; the same as ``torch.nn.functional.cross_entropy``.
    """
    batch = label_SB.shape[1]
    # Classes first: broadcasting over the first axis is several times faster on a CPU than over a last one of ten.
    shifted_CSB = output_SBC.permute(2, 0, 1).contiguous()
    shifted_CSB = shifted_CSB - shifted_CSB.amax(0)
    right_SB = shifted_CSB.gather(0, label_SB.unsqueeze(0)).squeeze(0)
    exponential_CSB = shifted_CSB.exp_()
    total_SB = _sum(exponential_CSB)
    loss_S = _mean(total_SB.log() - right_SB)
    grad_SBC = exponential_CSB.div_(total_SB * batch).permute(1, 2, 0).contiguous()
    return loss_S, _add_at_label(grad_SBC, label_SB, -1.0 / batch)


def mse(output_SBC: Tensor, label_SB: Tensor, *, softmax: bool = False) -> LossAndGradient:
    """L = mean over batch and outputs of (p - t)^2, as ``torch.nn.functional.mse_loss``.

    t is onehot(y) of a class y, and a real number itself. p is the outputs themselves, or with ``softmax``, which takes
    classes, what softmax makes of them: Keras' ``mse`` behind a last layer of ``softmax``, where
    dL/dz_j = 2 / (B C) p_j (e_j - sum_k p_k e_k) with the errors e = p - onehot(y).
    """
    if softmax:
        return _mse_of_softmax(output_SBC, label_SB)
    if label_SB.is_floating_point():
        error = output_SBC - label_SB.unsqueeze(2)
    else:
        error = _add_at_label(output_SBC.clone(), label_SB, -1.0)
    loss_S = _mean(error.square())
    return loss_S, error.mul_(2.0 / (error.shape[1] * error.shape[2]))


def _mse_of_softmax(output_SBC: Tensor, label_SB: Tensor) -> LossAndGradient:
    """Where softmax is sure, right or wrong, little is left of the gradient, and no difference of numbers near 1 has
    to say how much: the error at the label is minus the other classes' shares, and the gradient at the largest output
    minus that at the others, for they add up to zero.
    """
    _, batch, classes = output_SBC.shape
    output_CSB = output_SBC.permute(2, 0, 1).contiguous()
    largest_SB, place_SB = output_CSB.max(0)
    exponential_CSB = (output_CSB - largest_SB).exp_()
    share_CSB = exponential_CSB.div_(_sum(exponential_CSB))
    error_CSB = share_CSB.scatter(0, label_SB.unsqueeze(0), 0.0)
    error_CSB.scatter_(0, label_SB.unsqueeze(0), -_sum(error_CSB).unsqueeze(0))
    loss_S = _mean(error_CSB.permute(1, 2, 0).contiguous().square())
    centred_CSB = error_CSB - _sum(share_CSB * error_CSB)
    grad_CSB = centred_CSB.mul_(share_CSB).mul_(2.0 / (batch * classes)).scatter_(0, place_SB.unsqueeze(0), 0.0)
    grad_CSB.scatter_(0, place_SB.unsqueeze(0), -_sum(grad_CSB).unsqueeze(0))
    return loss_S, grad_CSB.permute(1, 2, 0).contiguous()


def _mean(x: Tensor) -> Tensor:
    """Return the mean of each cell's numbers, [S].

    A GPU adds up a long row of a single cell in another order than one of several, by which a sum of doubles, rounded
    to a float, does not change.
    """
    dims = tuple(range(1, x.dim()))
    return x.double().mean(dims).to(x.dtype) if x.is_cuda else x.mean(dims)


def _sum(x_CSB: Tensor) -> Tensor:
    """Add up each sample's classes, laid out as the last axis: over the first, the order of addition would depend on a
    cell's place in the stack.
    """
    return x_CSB.permute(1, 2, 0).contiguous().sum(2)


def _add_at_label(x_SBC: Tensor, label_SB: Tensor, amount: float) -> Tensor:
    """Add, in place, an amount to the number of each sample's own class."""
    label_SB1 = label_SB.unsqueeze(2)
    return x_SBC.scatter_add_(2, label_SB1, x_SBC.new_full((1,), amount).expand(label_SB1.shape))


LOSSES: dict[str, Callable[..., LossAndGradient]] = {"cross_entropy": cross_entropy, "mse": mse}
