// What is done to a row: one unit's numbers over the examples of a batch.
#pragma once
#include <math.h>

#include "products.h"

// The sum of f(0) ... f(n - 1), in as many sums side by side as a vector has, which are then added in order; in double
// precision where that is the number's type.
template <class Number = float, class Term>
static inline Number sum_of(long n, Term f) {
  Number sums[LANES] = {};
  long i = 0;
  for (; i + LANES <= n; i += LANES)
    for (long j = 0; j < LANES; j++) sums[j] += f(i + j);
  for (long j = 0; i < n; i++, j++) sums[j] += f(i);
  for (long half = LANES / 2; half; half /= 2)
    for (long j = 0; j < half; j++) sums[j] += sums[j + half];
  return sums[0];
}

// Batch normalization of a unit, as choices/normalization.py has it.
struct Normalization {
  float epsilon, moves;  // moves: share of the running statistics that a step takes the place of
};

struct Moved {  // running mean and variance of a unit, if they are to be moved
  float *mean, *variance;
};

// y = gamma (x - mean) / sqrt(variance + epsilon) + beta, of x in ``y``; what is centred, and the inverse of the root,
// are left for the way back.
static inline void normalize(
    Normalization by, long batch, float gamma, float beta, Moved moved, float* y, float* centred, float* inverse) {
  float mean = sum_of(batch, [&](long b) { return y[b]; }) * (1.0f / batch);
  long whole = padded(batch);
  for (long b = 0; b < whole; b++) centred[b] = y[b] - mean;
  float variance = sum_of(batch, [&](long b) { return centred[b] * centred[b]; }) * (1.0f / batch);
  variance += variance * 0.0f;  // one too large becomes none, so that the cell counts as diverged
  *inverse = 1.0f / sqrtf(variance + by.epsilon);
  float factor = *inverse * gamma;
  for (long b = 0; b < whole; b++) y[b] = beta + centred[b] * factor;
  if (moved.mean) {
    *moved.mean += by.moves * (mean - *moved.mean);
    *moved.variance += by.moves * (variance - *moved.variance);
  }
}

// The gradients of x, in place of that of y, of gamma and of beta.
static inline void denormalize(
    long batch, float gamma, const float* centred, float inverse, float* grad, float* gamma_grad, float* beta_grad) {
  *beta_grad = sum_of(batch, [&](long b) { return grad[b]; });
  *gamma_grad = sum_of(batch, [&](long b) { return grad[b] * centred[b]; }) * inverse;
  float scale = inverse * gamma, mean_scale = scale * (1.0f / batch);
  float shift = *beta_grad * mean_scale, slope = *gamma_grad * inverse * mean_scale;
  long whole = padded(batch);
  for (long b = 0; b < whole; b++) grad[b] = (grad[b] * scale - shift) - centred[b] * slope;
}
