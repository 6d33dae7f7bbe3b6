// Loss and accuracy of cells in inference mode, a part of the data at a time, as measurement.py has them.
#pragma once
#include "training.h"

// Examples in blocks of CHUNK, each block [features, examples padded].
constexpr long CHUNK = 64;

struct Part {
  const float* x;
  const int64_t* classes;
  const float* targets;
  long examples;
};

// The mean loss of every cell over a part of the data, in inference mode, and its score: how many examples have their
// largest output at the label, or the sum of squared residuals.
static void score(const Network& net, const Cells& cells, const Part& part, long count, double* loss, double* result) {
  Layout at(net);
  std::vector<float> memory((3 * at.widest + net.classes + 3) * CHUNK + 16);
  std::vector<float> scale(at.vector.back() + at.length.back()), shift(scale.size());
  float* one = (float*)(((uintptr_t)memory.data() + 63) / 64 * 64);
  float *other = one + at.widest * CHUNK, *stream = other + at.widest * CHUNK, *out = stream + at.widest * CHUNK;
  float* room = out + net.classes * CHUNK;
  for (long cell = 0; cell < count; cell++) {
    const float *param = cells.param + cell * at.parameters, *bias = param + at.weights;
    for (size_t n = 0; n < at.scale.size(); n++) {
      long gamma = at.vector[at.scale[n]], beta = at.vector[at.scale[n] + 1], units = at.length[at.scale[n]];
      for (long j = 0; j < units; j++) {
        long k = cell * units + j;
        scale[gamma + j] = bias[gamma + j] / sqrtf(cells.variance[n][k] + net.epsilon);
        shift[gamma + j] = bias[beta + j] - cells.mean[n][k] * scale[gamma + j];
      }
    }
    auto normalize_rows = [&](long n, long units, long row, float* x) {
      const float *a = scale.data() + at.vector[at.scale[n]], *b = shift.data() + at.vector[at.scale[n]];
      for (long j = 0; j < units; j++)
        for (long i = 0; i < row; i++) x[j * row + i] = x[j * row + i] * a[j] + b[j];
    };
    double total = 0.0, right = 0.0;
    for (long from = 0; from < part.examples; from += CHUNK) {
      long examples = part.examples - from < CHUNK ? part.examples - from : CHUNK, row = padded(examples);
      const float* h = part.x + from * net.features;
      float *next = one, *free = other;
      if (net.input) {
        memcpy(next, h, net.features * row * sizeof(float));
        normalize_rows(0, net.features, row, next);
        h = next;
        next = other;
        free = one;
      }
      for (long l = 0; l < net.depth; l++) {
        long units = at.units[l + 1], n = units * row;
        product(units, row, at.units[l], {param + at.weight[l], 1, units}, h, row, bias + at.vector[l], next, row);
        if (is_of_stream(net, l)) {
          for (long i = 0; l > 0 && i < n; i++) next[i] += stream[i];
          memcpy(stream, next, n * sizeof(float));
        }
        if (net.placement == BEFORE) normalize_rows(net.input + l, units, row, next);
        net.value(next, next, n);
        if (net.placement == AFTER) normalize_rows(net.input + l, units, row, next);
        h = next;
        next = free;
        free = (float*)h;
      }
      product(net.classes, row, at.units[net.depth], {param + at.weight[net.depth], 1, net.classes}, h, row,
              bias + at.vector[net.depth], out, row);
      Labels label{part.classes ? part.classes + from : nullptr, part.targets ? part.targets + from : nullptr};
      for (long b = 0; b < examples; b++) {
        if (label.numbers) {
          double residual = (double)out[b] - label.numbers[b];
          right += residual * residual;
          continue;
        }
        long largest = 0;
        for (long c = 1; c < net.classes; c++)
          if (is_above(out[c * row + b], out[largest * row + b])) largest = c;
        right += largest == label.classes[b];
      }
      total += (double)loss_of((Loss)net.loss, examples, net.classes, row, label, out, room) * examples;
    }
    loss[cell] = total / part.examples;
    result[cell] = right;
  }
}
