"""What runs in JAX's own Python, with numpy and jax alone: it trains what ``jax_peer.py`` asks for, and says how fast.

One jitted function scans over all steps, in full precision: the gradient, clipping by value, SGD. Nothing is measured,
and batch normalization keeps no running statistics. On a CPU it trains one run at a time, on one thread; on a GPU all
cells at once by vmap.

Legend of the suffixes: S cells, T steps, B batch, I fan-in, O fan-out, P parameters of a cell.
"""

import json
import sys
import time
from collections.abc import Callable
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

RATE, CLIP, EPSILON = 0.01, 1.0, 1e-3
ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh, "elu": jax.nn.elu}
LEAST_SECONDS = 0.3
"""A run is repeated until it has taken so long: a small one takes a hundredth of a second."""


def tensors(param_P: Any, sizes: list[tuple[int, int]], norm: bool) -> dict[str, list[Any]]:
    """See a cell's flat parameters as its tensors: weights, biases, then gamma and beta of each normalization."""
    fan_outs = [fan_out for _, fan_out in sizes]
    shapes = [*sizes, *([fan_out] for fan_out in fan_outs), *([o] for o in fan_outs[:-1] for _ in range(2) if norm)]
    ends = accumulate((int(np.prod(shape)) for shape in shapes), initial=0)
    parts = [param_P[a:b].reshape(shape) for (a, b), shape in zip(pairwise(ends), shapes, strict=True)]
    layers = len(sizes)
    return {"weight": parts[:layers], "bias": parts[layers : 2 * layers], "scale": parts[2 * layers :]}


def drawn(sizes: list[tuple[int, int]], norm: bool) -> "np.ndarray[Any, Any]":
    """Return a cell's parameters by He's initializer, [P]; what they are changes no time."""
    draw = np.random.default_rng(0)
    weights = [draw.standard_normal(i * o, np.float32) * np.sqrt(2 / i, dtype=np.float32) for i, o in sizes]
    fan_outs = [fan_out for _, fan_out in sizes]
    scales = [value(o, np.float32) for o in fan_outs[:-1] for value in (np.ones, np.zeros) if norm]
    return np.concatenate([*weights, np.zeros(sum(fan_outs), np.float32), *scales])


def compiled(folder: Path, sizes: list[tuple[int, int]], activation: str, norm: bool) -> tuple[Callable[[], Any], int]:
    """Return the whole training as a compiled function of nothing, and its run-steps."""
    phi, given = ACTIVATIONS[activation], np.load(folder / "given.npz")
    cells, steps = given["index"].shape[:2]
    start = given["param"] if "param" in given else np.tile(drawn(sizes, norm), (cells, 1))

    def loss(own: dict[str, list[Any]], x_BI: Any, y_B: Any) -> Any:
        for layer, (weight_IO, bias_O) in enumerate(zip(own["weight"], own["bias"], strict=True)):
            x_BI = x_BI @ weight_IO + bias_O
            if layer == len(sizes) - 1:
                break
            if norm:
                gamma_O, beta_O = own["scale"][2 * layer : 2 * layer + 2]
                centred = x_BI - x_BI.mean(0)
                x_BI = gamma_O * centred * lax.rsqrt((centred**2).mean(0) + EPSILON) + beta_O
            x_BI = phi(x_BI)
        return -jnp.take_along_axis(jax.nn.log_softmax(x_BI), y_B[:, None], 1).mean()

    def run(own: dict[str, list[Any]], x: Any, y: Any, index_TB: Any) -> Any:
        def step(now: dict[str, list[Any]], rows_B: Any) -> tuple[dict[str, list[Any]], None]:
            grad = jax.grad(loss)(now, x[rows_B], y[rows_B])
            return jax.tree.map(lambda value, by: value - RATE * jnp.clip(by, -CLIP, CLIP), now, grad), None

        return lax.scan(step, own, index_TB)[0]

    def one(param_P: Any, x: Any, y: Any, index_TB: Any) -> Any:
        own = run(tensors(param_P, sizes, norm), x, y, index_TB)
        return jnp.concatenate([each.ravel() for part in ("weight", "bias", "scale") for each in own[part]])

    if cells == 1:
        function, index = one, given["index"][0]
        start = start[0]
    else:
        function, index = jax.vmap(one, in_axes=(0, None, None, 0)), given["index"]
    arguments = [jnp.asarray(each) for each in (start, given["x"], given["y"], index)]
    with jax.default_matmul_precision("highest"):
        made = jax.jit(function).lower(*arguments).compile()
    return lambda: jax.block_until_ready(made(*arguments)), cells * steps


def serve(device: str) -> None:
    """Train what is asked for on stdin, and answer with run-steps per second; the first answer is the version."""
    try:
        jax.devices()
    except (RuntimeError, AssertionError):  # JAX_PLATFORMS names this device alone
        raise SystemExit(f"its JAX {jax.__version__} has no device {device}") from None
    print(json.dumps({"jax": jax.__version__}), flush=True)
    made: dict[str, tuple[Callable[[], Any], int]] = {}
    for line in sys.stdin:
        what = json.loads(line)
        folder, keep = Path(what.pop("folder")), what.pop("keep", False)
        key = f"{what} {(folder / 'given.npz').stat().st_mtime_ns}"
        try:
            if key not in made:
                made.clear()  # its tensors make room
                made[key] = compiled(folder, **what)
                first = made[key][0]()
                if keep:
                    np.save(folder / "trained.npy", np.atleast_2d(first))
        except jax.errors.JaxRuntimeError as error:  # a GPU's memory is too small
            made.pop(key, None)
            print(json.dumps({"refused": str(error)}), flush=True)
            continue
        run, run_steps = made[key]
        runs, begun = 0, time.perf_counter()
        while (seconds := time.perf_counter() - begun) < LEAST_SECONDS:
            run()
            runs += 1
        print(json.dumps({"rate": runs * run_steps / seconds}), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
