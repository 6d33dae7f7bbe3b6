"""``docs/metrics.md``: what is measured, in words, and every column of every table, made from ``columns``.

``python -m ablation.records.metrics`` writes it anew; a test holds that it is up to date.
"""

from pathlib import Path

from ablation.records import columns

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"

HEAD = """# What is measured

Made by `python -m ablation.records.metrics` from `src/ablation/records/columns.py`, from which the files' schemas and
the names in MLflow come too.

For a hidden layer l with pre-activation a_l, what enters its activation phi, and loss L:

- delta_l = dL/da_l, the gradient at the pre-activation. With ReLU and Xavier's scale the weights' gradient dL/dW_l is
  flat in depth while delta_l shrinks, so both are measured.
- A *probe* passes a fixed batch of the training part there and back in training mode, apart from the training steps:
  at step 0, at 1, 2, 4, 8, ... and at each evaluation. An *evaluation* is in inference mode: at step 0, at the end of
  each epoch, and at the steps nearest to the epochs `training.evaluations`. With `training.steps`, which gives cells of
  all batch sizes as many, an equal share of them takes the place of the epoch: a *period*.
- A unit is *dead* where its activation and its gradient are zero on every example of the probe batch; a unit-sample is
  *saturated* where abs(phi') is below 5% of its largest value.
- The gradient's *signal-to-noise ratio* at an evaluation is that of one batch of the cell's own size: with K disjoint
  batches of B of the n training examples, always the same ones, passed there and back in training mode, gradients g_k
  with mean m, and s^2 = sum |g_k - m|^2 / (K - 1), it is (|m|^2 - s^2 (1/K - B/n)) / s^2. What is taken off is the
  noise in m itself (less than s^2 / K, for examples do not come twice), so that |G|^2 of the whole training part and
  tr(Sigma) / B, of single examples' gradients, are estimated without bias; where there is little signal the ratio may
  come out negative. The *simple noise scale* of McCandlish et al. (2018) is tr(Sigma) / |G|^2 = B / ratio: the batch
  whose gradient has as much signal as noise, from which on a larger one brings less and less.
- *Time to target* is the first evaluation that meets the target and is followed by another that does, or is the last.
  A cell that never does has a time beyond the horizon, and so has one that diverges, from the horizon on.

- In a regression the columns named `*_accuracy` hold *R squared*, 1 - sum (y - f(x))^2 / sum (y - mean y)^2, about the
  mean of the targets of the part that is evaluated: 1 at best, 0 for guessing that mean, negative for worse.

Nothing is measured by which training would go on otherwise. A measurement that is not defined is null.
"""

TABLE = "| column | type | unit | what it is |\n| --- | --- | --- | --- |\n"

ABOUT = {
    "cells": "A row a cell.",
    "curves": "A row a cell and evaluation.",
    "layers": "A row a cell, probe and hidden layer. RMS, mean and standard deviation are over the probe batch's "
    "examples and the layer's units.",
    "activations": "Each activation on the nodes of a quadrature rule, from which theory is made.",
    "initializers": "A row a network and layer, as it begins.",
}


def page() -> str:
    """Return the page, in Markdown."""
    parts = [HEAD]
    for name, listed in columns.COLUMNS.items():
        parts += [f"\n## {name}.parquet\n\n{ABOUT[name]}\n\n{TABLE}"]
        parts += [f"| `{column.name}` | {column.type} | {column.unit} | {column.definition} |\n" for column in listed]
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
