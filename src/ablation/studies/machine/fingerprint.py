"""How this process computes, told by the bits of a fixed battery of operations.

Two processors, or two settings of one, may round a product or an exponential in other ways, and deep networks amplify
the last digit. Names of processors and settings are only proxies for that; the bits themselves are what counts.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

import torch
from torch import Tensor

from ablation.training.data import generator
from ablation.training.products import linear, product

DIGITS = 16
"""Hexadecimal digits that are kept of the digest."""

CELLS = 5
"""Matrices of a stack."""

SHAPES = (
    (48, 64, 32),
    (64, 100, 100),
    (64, 32, 10),
    (10, 64, 32),
    (16, 7, 7),
    (7, 33, 5),
    (5, 64, 1),
    (1, 64, 32),
    (2, 1500, 17),
)
"""Rows, inner length and columns of the products: usual ones, narrow ones, vectors, and a sum that is long."""

LENGTHS = (1, 7, 33, 1000)
"""Numbers in a row of what is summed or taken element by element: less than a vector register, and what is left over
behind many."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold torch to one thread of this process for a while."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def fingerprint(device: torch.device) -> str:
    """Return a digest of how this process computes on ``device``, and on the CPU, where every cell begins.

    It is the same in every process that computes the same, whatever was computed before, and takes some milliseconds,
    once in a process.
    """
    return _fingerprint(device, torch.get_default_dtype())


@cache
def _fingerprint(device: torch.device, dtype: torch.dtype) -> str:
    digest = hashlib.sha256(str(dtype).encode())
    with one_thread(), torch.inference_mode():
        digest.update(repr([math.cos(x) + math.exp(x) * math.log(x + 1) ** 1.3 for x in range(1, 9)]).encode())
        for tensor in _drawn():
            digest.update(tensor.numpy().tobytes())
        for place in dict.fromkeys(["cpu", device.type]):
            for tensor in _computed(torch.device(place)):
                digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:DIGITS]


def keeps_the_law() -> bool:
    """Return whether a matrix product has the same bits alone as in a stack, wherever its numbers lie in memory."""
    with one_thread(), torch.inference_mode():
        return all(torch.equal(whole[rows], part) for shape in SHAPES for whole, rows, part in _whole_and_parts(*shape))


def _drawn() -> list[Tensor]:
    """What a cell begins with: draws, and their orthogonal factor."""
    draws = [torch.randn(3, length, generator=generator(0, "fingerprint")) for length in LENGTHS]
    return [*draws, torch.randperm(100, generator=generator(0, "fingerprint")), *torch.linalg.qr(draws[2].T.double())]


def _computed(device: torch.device) -> Iterator[Tensor]:
    """What a training step and a probe consist of; on a GPU products as TF32 too, if it has that."""
    before = torch.backends.cuda.matmul.allow_tf32
    try:
        for tf32 in (False, True) if device.type == "cuda" else (False,):
            torch.backends.cuda.matmul.allow_tf32 = tf32
            for shape in SHAPES:
                x_SBI, weight_SIO, bias_SO = _operands(*shape, device)
                output_SBO = linear(x_SBI, weight_SIO, bias_SO)
                yield from (output_SBO, product(x_SBI.transpose(1, 2), output_SBO))
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    for length in LENGTHS:
        x = _numbers(CELLS, length).to(device)
        positive = x.abs() + 0.1
        yield from (x.exp(), x.expm1(), x.tanh(), x.erf(), x.erfc())
        yield from (positive.log(), x.abs().log1p(), positive.sqrt(), positive.rsqrt(), positive.reciprocal())
        yield from (x.sum(1), x.mean(1), x.double().sum(1), x.square().sum(0), torch.lerp(x, positive, 0.3))
        yield from (torch.linalg.vector_norm(x, dim=1), torch.linalg.vector_norm(x, dim=1, dtype=torch.float64))
        yield from (torch.addcmul(x, x, positive, value=0.7), torch.addcdiv(x, x, positive, value=0.7), positive**0.3)


def _whole_and_parts(rows: int, inner: int, columns: int) -> Iterator[tuple[Tensor, slice, Tensor]]:
    """Yield products of a stack, some of its rows, and the product of those rows where they would lie alone."""
    x_SBI, weight_SIO, bias_SO = _operands(rows, inner, columns, torch.device("cpu"))
    forward = linear(x_SBI, weight_SIO, bias_SO)
    backward = product(x_SBI.transpose(1, 2), forward)
    for part in (slice(0, 1), slice(1, 2), slice(2, 4)):
        x = x_SBI[part].clone()
        yield forward, part, linear(x, weight_SIO[part].clone(), bias_SO[part].clone())
        yield backward, part, product(x.transpose(1, 2), forward[part].clone())


def _operands(rows: int, inner: int, columns: int, device: torch.device) -> Sequence[Tensor]:
    """Return inputs, weights and biases of a layer; the latter lie as in a flat matrix of all parameters."""
    x_SBI = _numbers(CELLS, rows * inner).view(CELLS, rows, inner).to(device)
    flat = _numbers(CELLS, 3 + (inner + 1) * columns).to(device)[:, 3:]
    weight, bias = flat[:, : inner * columns], flat[:, inner * columns :]
    return x_SBI, weight.view(CELLS, inner, columns), bias


def _numbers(rows: int, columns: int) -> Tensor:
    """Return numbers between -3 and 3 with all digits in use, exactly the same ones on every machine."""
    place = torch.arange(rows * columns, dtype=torch.int64)
    scattered = (place * 7_368_787) % 6_000_101 - 3_000_050
    return scattered.to(torch.get_default_dtype()).div_(1_000_000).view(rows, columns)
