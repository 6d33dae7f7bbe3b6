// One cell's passes there and back: a perceptron or pre-activation residual blocks, as networks/ has them.
//
// All values of a layer are a matrix of a unit a row, the examples of the batch along it and on to the next multiple of
// LANES; what stands there is never looked at. A few rows at a time are taken from their product through everything that
// is done to them, while they are in the nearest cache.
#pragma once
#include <string.h>

#include <memory>
#include <vector>

#include "losses.h"

enum Placement { NOWHERE, BEFORE, AFTER };

struct Network {  // what the cells of a cohort share
  long features, depth, classes, residual, placement, input, loss;
  const long* widths;
  float epsilon, moves;
  void (*activate)(const float* x, float* value, float* derivative, long n);
  void (*value)(const float* x, float* value, long n);
};

// Whether a product's output belongs to a stream of residual blocks, and not to the inside of one.
static inline bool is_of_stream(const Network& net, long place) {
  return net.residual && (place % 2 == 0 || place == net.depth - 1);
}

// Where a cell's tensors lie, as networks/layout.py says.
struct Layout {
  std::vector<long> units;             // of every layer, from the inputs to the outputs
  std::vector<long> weight;            // where each matrix begins
  std::vector<long> vector, length;    // where each vector begins, from the first of them on, and how long it is
  std::vector<long> scale;             // the place among the vectors of each normalization's gamma; beta follows
  long weights = 0, parameters = 0, widest = 0, largest = 0;

  explicit Layout(const Network& net) {
    units.push_back(net.features);
    units.insert(units.end(), net.widths, net.widths + net.depth);
    units.push_back(net.classes);
    for (long l = 0; l <= net.depth; l++) {
      weight.push_back(weights);
      long size = units[l] * units[l + 1];
      weights += size;
      largest = size > largest ? size : largest;
      add(units[l + 1]);
    }
    if (net.input) add_scale(net.features);
    for (long l = 0; net.placement && l < net.depth; l++) add_scale(units[l + 1]);
    for (long each : units) widest = each > widest ? each : widest;
    parameters = weights + vector.back() + length.back();
  }

 private:
  void add(long size) {
    vector.push_back(vector.empty() ? 0 : vector.back() + length.back());
    length.push_back(size);
  }
  void add_scale(long size) {
    scale.push_back(vector.size());
    add(size);
    add(size);
  }
};


struct Running {  // of a cell: its running statistics, one of each normalization; none where they are not to be moved
  std::vector<float*> mean, variance;
};

// A cell's passes with a batch of a certain size, and all memory that they need, which is used again by the next cell.
class Passes {
 public:
  const Network& net;
  const Layout& at;
  const long batch, row;
  const bool keep;  // whether what probes look at is kept
  std::vector<float*> input, derivative, centred, inverse, preactivation, activation, delta;
  float *out, *vectors;

  Passes(const Network& net, const Layout& at, long batch, bool keep)
      : net(net), at(at), batch(batch), row(padded(batch)), keep(keep) {
    long depth = net.depth;
    for (int pass = 0; pass < 2; pass++) {  // to count, then to hand out
      taken = 0;
      input.assign(depth + 1, nullptr);
      for (auto* each : {&derivative, &preactivation, &activation, &delta}) each->assign(depth, nullptr);
      for (auto* each : {&centred, &inverse}) each->assign(at.scale.size(), nullptr);
      for (long l = 0; l <= depth; l++) input[l] = take(at.units[l] * row);
      for (long l = 0; l < depth; l++) {
        long size = at.units[l + 1] * row;
        derivative[l] = take(size);
        if (keep) {
          preactivation[l] = take(size);
          activation[l] = net.placement == AFTER ? take(size) : input[l + 1];
          delta[l] = take(size);
        }
      }
      for (size_t n = 0; n < at.scale.size(); n++) {
        long units = at.length[at.scale[n]];
        centred[n] = take(units * row);
        inverse[n] = take(units);
      }
      out = take(net.classes * row);
      vectors = take(at.vector.back() + at.length.back());
      gradient = take(at.widest * row);
      upper = take(at.widest * row);
      by_example = take(batch * padded(at.widest));
      stream = take(net.residual ? at.widest * row : 0);
      room = take(3 * row + at.widest * LANES);
      if (pass == 0) {
        held.reset(new float[taken + 16]());  // of zeros, for what is never looked at is computed with all the same
        base = (float*)(((uintptr_t)held.get() + 63) / 64 * 64);
      }
    }
  }

  // From ``input[0]``, which holds the examples, to ``out``.
  void forward(const float* param, const Running* running) {
    const float* bias = param + at.weights;
    if (net.input)
      for (long i = 0; i < net.features; i++) normalize_row(0, i, bias, running, input[0] + i * row);
    for (long l = 0; l < net.depth; l++) {
      long units = at.units[l + 1];
      for (long from = 0; from < units; from += ROWS) {
        long rows = units - from < ROWS ? units - from : ROWS;
        hidden(l, from, rows, param, bias, running);
      }
    }
    long l = net.depth;
    product(net.classes, row, at.units[l], {param + at.weight[l], 1, net.classes}, input[l], row,
            bias + at.vector[l], out, row);
  }

  // The mean loss of the outputs, of which the gradient takes the place.
  float lose(Labels label) { return loss_of((Loss)net.loss, batch, net.classes, row, label, out, room); }

  // Back from the gradient in ``out``. The gradient of a matrix is written to where ``where`` says; then the matrix is
  // done with, and ``done`` is told. Those of the vectors are in ``vectors`` in the end.
  template <class Where, class Done>
  void backward(const float* param, Where where, Done done) {
    const float* bias = param + at.weights;
    const long depth = net.depth;
    float *error = out, *next = gradient, *other = upper;
    bool streams = false;
    for (long j = 0; j < net.classes; j++) vectors[at.vector[depth] + j] = summed(out + j * row);
    for (long l = depth; l >= 0; l--) {
      long units = at.units[l + 1], below = at.units[l];
      float* grad = where(l);
      long wide = padded(units);
      transpose([&](long j) { return error + j * row; }, units, batch, by_example, wide);
      product_of_any(below, units, batch, {input[l], row, 1}, by_example, wide, grad, units, room);
      if (l > 0 || net.input) {
        for (long from = 0; from < below; from += ROWS) {
          long rows = below - from < ROWS ? below - from : ROWS;
          product(rows, row, units, {param + at.weight[l] + from * units, units, 1}, error, row, nullptr,
                  next + from * row, row);
          if (l > 0) hidden_back(l - 1, from, rows, bias, next, streams);
        }
        if (l > 0 && is_of_stream(net, l - 1)) streams = true;
        float* free = error == out ? other : error;
        error = next;
        next = free;
      }
      done(l, grad);
    }
    if (net.input)
      for (long i = 0; i < net.features; i++) denormalize_row(0, i, bias, error + i * row);
  }

 private:
  static constexpr long ROWS = 24;
  std::unique_ptr<float[]> held;
  float *base = nullptr, *gradient, *upper, *by_example, *stream, *room;
  long taken = 0;

  float* take(long n) {
    float* piece = base ? base + taken : nullptr;
    taken += (n + 15) / 16 * 16;
    return piece;
  }

  float summed(const float* x) const {
    return sum_of(batch, [&](long b) { return x[b]; });
  }

  void normalize_row(long n, long i, const float* bias, const Running* running, float* y) {
    long gamma = at.vector[at.scale[n]], beta = at.vector[at.scale[n] + 1];
    Moved moved{nullptr, nullptr};
    if (running) moved = {running->mean[n] + i, running->variance[n] + i};
    normalize({net.epsilon, net.moves}, batch, bias[gamma + i], bias[beta + i], moved, y, centred[n] + i * row,
              inverse[n] + i);
  }

  void denormalize_row(long n, long i, const float* bias, float* grad) {
    long gamma = at.vector[at.scale[n]], beta = at.vector[at.scale[n] + 1];
    denormalize(batch, bias[gamma + i], centred[n] + i * row, inverse[n][i], grad, vectors + gamma + i,
                vectors + beta + i);
  }

  // Some rows of a hidden layer, from their product to what they hand on.
  void hidden(long l, long from, long rows, const float* param, const float* bias, const Running* running) {
    long units = at.units[l + 1], n = rows * row;
    float *output = input[l + 1] + from * row, *z = keep ? preactivation[l] + from * row : output;
    product(rows, row, at.units[l], {param + at.weight[l] + from, 1, units}, input[l], row,
            bias + at.vector[l] + from, z, row);
    if (is_of_stream(net, l)) {
      float* sum = stream + from * row;
      for (long i = 0; l > 0 && i < n; i++) z[i] += sum[i];
      memcpy(sum, z, n * sizeof(float));
    }
    if (net.placement == BEFORE)
      for (long j = 0; j < rows; j++) normalize_row(net.input + l, from + j, bias, running, z + j * row);
    net.activate(z, output, derivative[l] + from * row, n);
    if (net.placement == AFTER) {
      if (keep) memcpy(activation[l] + from * row, output, n * sizeof(float));
      for (long j = 0; j < rows; j++) normalize_row(net.input + l, from + j, bias, running, output + j * row);
    }
  }

  // The same rows on the way back: from the gradient of what they handed on to that of their product, in its place.
  void hidden_back(long l, long from, long rows, const float* bias, float* grad, bool streams) {
    for (long j = from; j < from + rows; j++) {
      float *g = grad + j * row, *d = derivative[l] + j * row, *own = vectors + at.vector[l] + j;
      if (net.placement == AFTER) denormalize_row(net.input + l, j, bias, g);
      for (long b = 0; b < row; b++) g[b] *= d[b];
      if (keep) memcpy(delta[l] + j * row, g, row * sizeof(float));
      if (net.placement == BEFORE) denormalize_row(net.input + l, j, bias, g);
      bool joins = is_of_stream(net, l);
      if (joins && streams)
        for (long b = 0; b < row; b++) g[b] += stream[j * row + b];
      if (joins) memcpy(stream + j * row, g, row * sizeof(float));
      // The gradient of a bias right before a normalization is zero: the batch's mean takes it away again.
      *own = net.placement == BEFORE && !(joins && streams) ? 0.0f : summed(g);
    }
  }
};
