// Losses, as choices/losses.py has them: outputs of a batch, a class a row, to the loss and its gradient in their place.
#pragma once
#include <vector>

#include "rows.h"

#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__)
// The C library has these for whole vectors too, which a compiler may only take where it is told so.
extern "C" __attribute__((simd("notinbranch"), const)) float expf(float) noexcept;
extern "C" __attribute__((simd("notinbranch"), const)) float logf(float) noexcept;
#endif

enum Loss { CROSS_ENTROPY, SQUARES, SQUARES_OF_SOFTMAX, SQUARES_OF_NUMBERS };

struct Labels {  // of a batch: classes, or numbers
  const int64_t* classes;
  const float* numbers;
};

// e^(x - largest) in place of every output of some examples, with their largest and the sum of these.
static void exponentials(long examples, long classes, long row, float* out, float* largest, float* total) {
  for (long b = 0; b < examples; b++) largest[b] = out[b];
  for (long c = 1; c < classes; c++)
    for (long b = 0; b < examples; b++) {
      float x = out[c * row + b];
      largest[b] = x > largest[b] || x != x ? x : largest[b];
    }
  for (long b = 0; b < examples; b++) total[b] = 0.0f;
  for (long c = 0; c < classes; c++)
    for (long b = 0; b < examples; b++) {
      float e = expf(out[c * row + b] - largest[b]);
      out[c * row + b] = e;
      total[b] += e;
    }
}

// ``room`` holds three rows. Returns the mean loss over the batch.
static float cross_entropy(long batch, long classes, long row, const int64_t* label, float* out, float* room) {
  float *largest = room, *total = room + row, *own = room + 2 * row;
  for (long b = 0; b < batch; b++) own[b] = out[label[b] * row + b];
  exponentials(batch, classes, row, out, largest, total);
  float loss = sum_of(batch, [&](long b) { return logf(total[b]) - (own[b] - largest[b]); }) * (1.0f / batch);
  for (long b = 0; b < batch; b++) total[b] = 1.0f / (total[b] * batch);
  for (long c = 0; c < classes; c++)
    for (long b = 0; b < batch; b++) out[c * row + b] *= total[b];
  for (long b = 0; b < batch; b++) out[label[b] * row + b] -= 1.0f / batch;
  return loss;
}

static float squares(long batch, long classes, long row, Labels label, float* out) {
  if (label.numbers)
    for (long b = 0; b < batch; b++) out[b] -= label.numbers[b];
  else
    for (long b = 0; b < batch; b++) out[label.classes[b] * row + b] -= 1.0f;
  float sum = 0.0f, scale = 2.0f / (batch * classes);
  for (long c = 0; c < classes; c++) {
    float* error = out + c * row;
    sum += sum_of(batch, [&](long b) { return error[b] * error[b]; });
    for (long b = 0; b < batch; b++) error[b] *= scale;
  }
  return sum / (batch * classes);
}

// Where softmax is sure, little is left of the gradient: the error at the label is minus the other classes' shares, and
// the gradient at the largest output minus that at the others, for they add up to zero.
static float squares_of_softmax(long batch, long classes, long row, const int64_t* label, float* out, float* room) {
  float *largest = room, *total = room + row, *loss = room + 2 * row;
  std::vector<long> place(batch);
  for (long b = 0; b < batch; b++) {
    place[b] = 0;
    for (long c = 1; c < classes; c++)
      if (out[c * row + b] > out[place[b] * row + b]) place[b] = c;
  }
  exponentials(batch, classes, row, out, largest, total);
  for (long b = 0; b < batch; b++) {
    float others = 0.0f, mean = 0.0f, sum = 0.0f, rest = 0.0f;
    for (long c = 0; c < classes; c++) {
      out[c * row + b] /= total[b];
      if (c != label[b]) others += out[c * row + b];
    }
    for (long c = 0; c < classes; c++) {
      float error = c == label[b] ? -others : out[c * row + b];
      mean += out[c * row + b] * error;
      sum += error * error;
    }
    loss[b] = sum;
    for (long c = 0; c < classes; c++) {
      float share = out[c * row + b], error = c == label[b] ? -others : share;
      out[c * row + b] = (error - mean) * share * (2.0f / (batch * classes));
      if (c != place[b]) rest += out[c * row + b];
    }
    out[place[b] * row + b] = -rest;
  }
  return sum_of(batch, [&](long b) { return loss[b]; }) / (batch * classes);
}

// The mean loss of a batch, and its gradient in place of the outputs; ``room`` holds three rows.
static float loss_of(Loss loss, long batch, long classes, long row, Labels label, float* out, float* room) {
  switch (loss) {
    case CROSS_ENTROPY: return cross_entropy(batch, classes, row, label.classes, out, room);
    case SQUARES_OF_SOFTMAX: return squares_of_softmax(batch, classes, row, label.classes, out, room);
    default: return squares(batch, classes, row, label, out);
  }
}
