// What is measured of cells between their training steps: gradient health at a probe, loss and accuracy in inference
// mode. The definitions are those of probes.py and measurement.py; sums are in double precision throughout.
#pragma once
#include "training.h"

// A number's bits as an integer that is in the same order; and back.
static inline int32_t key_of(float x) {
  int32_t bits = __builtin_bit_cast(int32_t, x);
  return bits < 0 ? bits ^ INT32_MAX : bits;
}

static inline float number_of(int32_t key) { return __builtin_bit_cast(float, key < 0 ? key ^ INT32_MAX : key); }

// The k-th largest of n keys, by halves: to count what is at least a number goes through memory once, in vectors.
static int32_t kth_largest_key(const int32_t* key, long n, long k) {
  int32_t low = INT32_MAX, high = INT32_MIN;
  for (long i = 0; i < n; i++) {
    low = key[i] < low ? key[i] : low;
    high = key[i] > high ? key[i] : high;
  }
  while (low < high) {
    int32_t middle = low + (int32_t)(((uint32_t)high - (uint32_t)low + 1u) / 2u);
    int32_t count = 0;
    for (long i = 0; i < n; i++) count += key[i] >= middle;
    if (count >= k)
      low = middle;
    else
      high = middle - 1;
  }
  return low;
}

// The k-th largest of n numbers. It is no less than the k-th largest of the maxima of some columns, and so lies in a
// column whose maximum is that large: few are looked at. ``key`` has room for 2 n.
static float kth_largest(const float* x, long n, long k, int32_t* key) {
  constexpr long HIGH = 8;
  const long columns = n / HIGH;
  if (columns <= k) {
    for (long i = 0; i < n; i++) key[i] = key_of(x[i]);
    return number_of(kth_largest_key(key, n, k));
  }
  int32_t* maximum = key;
  for (long c = 0; c < columns; c++) maximum[c] = key_of(x[c]);
  for (long r = 1; r < HIGH; r++)
    for (long c = 0; c < columns; c++) {
      int32_t each = key_of(x[r * columns + c]);
      maximum[c] = each > maximum[c] ? each : maximum[c];
    }
  const int32_t least = kth_largest_key(maximum, columns, k);
  int32_t* left = key + columns;
  long count = 0;
  for (long c = 0; c < columns; c++)
    if (maximum[c] >= least)
      for (long r = 0; r < HIGH; r++) left[count++] = key_of(x[r * columns + c]);
  for (long i = columns * HIGH; i < n; i++) left[count++] = key_of(x[i]);
  return number_of(kth_largest_key(left, count, k));
}

struct Moments {
  double mean, deviation;
};

// Mean and population standard deviation of n numbers.
static Moments moments(const float* x, long n) {
  double mean = wide_sum_of(n, [&](long i) { return (double)x[i]; }) / n;
  double square = wide_sum_of(n, [&](long i) {
    double distance = x[i] - mean;
    return distance * distance;
  });
  return {mean, sqrt(square / n)};
}

static double norm(const float* x, long n) {
  return sqrt(wide_sum_of(n, [&](long i) { return (double)x[i] * x[i]; }));
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
  long compares, has_before;  // whether clipping is compared, and whether there is a step to compare weights with
};

// Pass a batch through every cell, there and back. ``health`` is [cells, depth, HEALTH]; ``loss`` [cells]; ``norm`` and
// ``cosine`` are of the whole gradient, and of it before and after clipping.
static void probe(const Network& net, const Rule& rule, Clip clip, const ProbeBatch& with, const Cells& cells, long count,
                  long batch, float* health, float* loss, double* norms, double* cosine) {
  Layout at(net);
  Passes by(net, at, batch, true);
  std::vector<float> grad(at.parameters), clipped(with.compares ? at.parameters : 0);
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
        double moved = wide_sum_of(n, [&](long i) {
          double step = param[from + i] - before[from + i];
          return step * step;
        });
        own[UPDATE_RATIO] = sqrt(moved) / norm(before + from, n);
      }
    }
    if (!with.compares) continue;
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
    double inner = wide_sum_of(at.parameters, [&](long i) { return (double)grad[i] * clipped[i]; });
    cosine[cell] = inner / (norms[cell] * norm(clipped.data(), at.parameters));
  }
}

// Whether one number comes before another in order of size, where what is none is the largest.
static inline bool is_above(float one, float other) { return one > other || (one != one && other == other); }

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
  std::vector<float> memory((3 * at.widest + net.classes + 3) * CHUNK + 16), scale(at.weights ? at.vector.back() : 1), shift;
  scale.assign(at.vector.back() + at.length.back(), 0.0f);
  shift = scale;
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
        if (net.residual && (l % 2 == 0 || l == net.depth - 1)) {
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
