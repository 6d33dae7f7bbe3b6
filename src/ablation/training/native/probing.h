// Gradient health of cells at a probe. The definitions are those of probes.py; sums are in double precision throughout.
#pragma once
#include "percentile.h"
#include "training.h"

struct Moments {
  double mean, deviation;
};

// Mean and population standard deviation of n numbers.
static Moments moments(const float* x, long n) {
  double mean = sum_of<double>(n, [&](long i) { return (double)x[i]; }) / n;
  double square = sum_of<double>(n, [&](long i) {
    double distance = x[i] - mean;
    return distance * distance;
  });
  return {mean, sqrt(square / n)};
}

static double norm(const float* x, long n) {
  return sqrt(sum_of<double>(n, [&](long i) { return (double)x[i] * x[i]; }));
}

enum { DELTA_NORM, WEIGHT_GRAD_NORM, WEIGHT_NORM, UPDATE_RATIO, PREACT_MEAN, PREACT_STD, ACT_MEAN, ACT_STD, ACT_P98,
       DEAD_FRACTION, SATURATED_FRACTION, HEALTH };


// The values of some units side by side, without what lies behind a batch; they are where they are if nothing does.
static const float* side_by_side(const float* x, long units, long batch, long row, float* flat) {
  if (batch == row) return x;
  for (long j = 0; j < units; j++) memcpy(flat + j * batch, x + j * row, batch * sizeof(float));
  return flat;
}

// Every metric of a hidden layer but those of its weights.
static void measure_units(const Passes& by, long l, float limit, double percentile, std::vector<float>& flat,
                          std::vector<int32_t>& keys, float* health) {
  const long units = by.at.units[l + 1], batch = by.batch, row = by.row, n = units * batch;
  double dead = 0.0;
  for (long j = 0; j < units; j++) {
    const float *delta = by.delta[l] + j * row, *value = by.activation[l] + j * row;
    int alive = 0;
    for (long b = 0; b < batch; b++) alive |= (value[b] != 0.0f) | (delta[b] != 0.0f);
    dead += !alive;
  }
  const float* x = side_by_side(by.delta[l], units, batch, row, flat.data());
  health[DELTA_NORM] = norm(x, n) / sqrt((double)n);
  x = side_by_side(by.derivative[l], units, batch, row, flat.data());
  int32_t saturated = 0;
  for (long i = 0; i < n; i++) saturated += fabsf(x[i]) < limit;
  x = side_by_side(by.preactivation[l], units, batch, row, flat.data());
  Moments before = moments(x, n);
  x = side_by_side(by.activation[l], units, batch, row, flat.data());
  Moments behind = moments(x, n);
  long rank = (long)ceil(percentile * n);
  health[PREACT_MEAN] = before.mean;
  health[PREACT_STD] = before.deviation;
  health[ACT_MEAN] = behind.mean;
  health[ACT_STD] = behind.deviation;
  health[ACT_P98] = kth_largest(x, n, n - (rank > 1 ? rank : 1) + 1, keys.data());
  health[DEAD_FRACTION] = dead / units;
  health[SATURATED_FRACTION] = (double)saturated / n;
}

// A clipping's effect on a gradient: writes what it makes of ``grad`` to ``out``.
typedef void (*Clip)(const float* grad, float* out, const float* numbers, long n);

struct ProbeBatch {
  const float* x;  // [features, batch padded]
  const int64_t* classes;
  const float* targets;
  float limit;
  double percentile;
  long has_before;  // whether there is a step to compare weights with
};

// Pass a batch through every cell, there and back. ``health`` is [cells, depth, HEALTH]; ``loss`` [cells]; ``norm`` and
// ``cosine`` are of the whole gradient, and of it before and after clipping.
static void probe(const Network& net, const Rule& rule, Clip clip, const ProbeBatch& with, const Cells& cells, long count,
                  long batch, float* health, float* loss, double* norms, double* cosine) {
  Layout at(net);
  Passes by(net, at, batch, true);
  std::vector<float> grad(at.parameters), clipped(at.parameters);
  std::vector<float> flat(at.widest * batch);
  std::vector<int32_t> keys(2 * at.widest * batch);
  for (long cell = 0; cell < count; cell++) {
    const float *param = cells.param + cell * at.parameters, *before = cells.spare + cell * at.parameters;
    memcpy(by.input[0], with.x, net.features * by.row * sizeof(float));
    by.forward(param, nullptr);
    loss[cell] = by.lose({with.classes, with.targets});
    by.backward(param, [&](long l) { return grad.data() + at.weight[l]; }, [](long, const float*) {});
    memcpy(grad.data() + at.weights, by.vectors, (at.parameters - at.weights) * sizeof(float));
    for (long l = 0; l < net.depth; l++) {
      float* own = health + (cell * net.depth + l) * HEALTH;
      long n = at.units[l] * at.units[l + 1], from = at.weight[l];
      measure_units(by, l, with.limit, with.percentile, flat, keys, own);
      own[WEIGHT_GRAD_NORM] = norm(grad.data() + from, n);
      own[WEIGHT_NORM] = norm(param + from, n);
      own[UPDATE_RATIO] = NAN;
      if (with.has_before) {
        double moved = sum_of<double>(n, [&](long i) {
          double step = param[from + i] - before[from + i];
          return step * step;
        });
        own[UPDATE_RATIO] = sqrt(moved) / norm(before + from, n);
      }
    }
    const float* numbers = cells.numbers + cell * rule.numbers;
    Magnitudes seen;
    auto part = [&](long from, long n) { clip(grad.data() + from, clipped.data() + from, numbers, n); };
    for (long l = 0; l <= net.depth; l++) {
      long n = at.units[l] * at.units[l + 1];
      if (cells.largest) seen.add(grad.data() + at.weight[l], n);
      if (!rule.whole) part(at.weight[l], n);
    }
    for (size_t v = 0; v < at.length.size(); v++) {
      long from = at.weights + at.vector[v];
      if (cells.largest) seen.add(grad.data() + from, at.length[v]);
      if (!rule.whole) part(from, at.length[v]);
    }
    if (rule.whole) part(0, at.parameters);
    if (cells.largest) seen.note(cells.largest + 3 * cell);
    norms[cell] = norm(grad.data(), at.parameters);
    double inner = sum_of<double>(at.parameters, [&](long i) { return (double)grad[i] * clipped[i]; });
    cosine[cell] = inner / (norms[cell] * norm(clipped.data(), at.parameters));
  }
}

// Whether one number comes before another in order of size, where what is none is the largest.
static inline bool is_above(float one, float other) { return one > other || (one != one && other == other); }
