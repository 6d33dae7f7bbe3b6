// Training steps of cells: batch, passes, clipping and step, from one probe to the next without a look outside.
#pragma once
#include "network.h"

// Clipping, weight decay and step of some parameters, in place; returns whether any gradient was clipped. ``state`` is
// what the optimizer remembers of each parameter, ``scalar`` what it remembers of all of them; the first ``decaying`` of
// the parameters decay.
typedef int (*Descend)(float* param, const float* grad, float* const* state, float* scalar, float lr,
                       const float* numbers, long n, long decaying);

constexpr long MOST_STATES = 8;  // as rules.py has it

struct Rule {
  Descend first, later;  // a step in which nothing is remembered yet, and every other one
  long whole;            // whether it must see all of the gradient at once
  long by_tensor;        // whether it tells the vectors apart
  long decays;           // 0: nothing; 1: weights; 2: vectors too
  long states, scalars, numbers;
};

struct Data {
  const float* x;           // [examples, features]
  const int64_t* classes;   // [examples], or numbers
  const float* targets;
};

struct Cells {  // a row a cell, in every array
  float *param, *spare;           // [parameters]
  float** mean;                   // of each normalization, [units]
  float** variance;
  float** state;                  // of each, [parameters]
  float* scalar;                  // [parts, scalars]
  const float* numbers;           // [numbers]
  const float* lr;                // [steps, cells]
  const int64_t* index;           // [steps, cells, batch]
  int64_t* diverged;              // the step at which the loss was first not finite, or -1
  float* clipped;                 // steps in which something was clipped
  float* largest;                 // [3]: the largest component, norm of a tensor and norm of the whole gradient
};

struct Magnitudes {  // what clipping rules compare with their thresholds
  float component = 0.0f;
  double tensor = 0.0, whole = 0.0;

  void add(const float* grad, long n) {
    float largest = component;
    for (long i = 0; i < n; i++) {
      float x = fabsf(grad[i]);
      largest = x > largest || x != x ? x : largest;
    }
    component = largest;
    double square = sum_of<double>(n, [&](long i) { return (double)grad[i] * grad[i]; });
    tensor = square > tensor || square != square ? square : tensor;
    whole += square;
  }

  void note(float* largest) const {
    const float now[] = {component, (float)sqrt(tensor), (float)sqrt(whole)};
    for (long k = 0; k < 3; k++) largest[k] = now[k] > largest[k] || now[k] != now[k] ? now[k] : largest[k];
  }
};

struct Trainer {
  const Network& net;
  const Layout at;
  const Rule& rule;
  const Data& data;
  Passes passes;
  std::vector<float> grad;
  std::vector<int64_t> classes;
  std::vector<float> targets;

  Trainer(const Network& net, const Rule& rule, const Data& data, long batch)
      : net(net), at(net), rule(rule), data(data), passes(net, at, batch, false),
        grad(rule.whole ? at.parameters : at.largest), classes(batch), targets(batch) {}

  Running running_of(const Cells& cells, long cell) const {
    Running running;
    for (size_t n = 0; n < at.scale.size(); n++) {
      long units = at.length[at.scale[n]];
      running.mean.push_back(cells.mean[n] + cell * units);
      running.variance.push_back(cells.variance[n] + cell * units);
    }
    return running;
  }

  void step(const Cells& cells, const Running& running, long cell, long count, long number, long begin) {
    const long batch = passes.batch, place = (number - begin) * count + cell;
    const int64_t* index = cells.index + place * batch;
    float* param = cells.param + cell * at.parameters;
    transpose([&](long b) { return data.x + index[b] * net.features; }, batch, net.features, passes.input[0], passes.row);
    for (long b = 0; b < batch; b++)
      if (data.classes) classes[b] = data.classes[index[b]];
      else targets[b] = data.targets[index[b]];
    passes.forward(param, &running);
    float loss = passes.lose({data.classes ? classes.data() : nullptr, data.classes ? nullptr : targets.data()});
    if (!isfinite(loss) && cells.diverged[cell] < 0) cells.diverged[cell] = number;
    Magnitudes seen;
    bool clipped = false;
    Descend descend = number == 0 ? rule.first : rule.later;
    const float lr = cells.lr[place], *numbers = cells.numbers + cell * rule.numbers;
    auto change = [&](long part, long from, long n, const float* grad) {
      float* state[MOST_STATES];
      for (long k = 0; k < rule.states; k++) state[k] = cells.state[k] + cell * at.parameters + from;
      float* scalar = cells.scalar + (cell * (at.length.size() + net.depth + 1) + part) * rule.scalars;
      long matrices = at.weights - from < n ? at.weights - from : n;
      long decaying = rule.decays == 2 ? n : rule.decays && matrices > 0 ? matrices : 0;
      clipped |= descend(param + from, grad, state, scalar, lr, numbers, n, decaying) != 0;
    };
    auto look = [&](const float* grad, long n) {
      if (cells.largest) seen.add(grad, n);
    };
    passes.backward(
        param, [&](long l) { return grad.data() + (rule.whole ? at.weight[l] : 0); },
        [&](long l, const float* found) {
          long n = at.units[l] * at.units[l + 1];
          look(found, n);
          if (!rule.whole) change(l, at.weight[l], n, found);
        });
    long vectors = at.parameters - at.weights;
    for (size_t v = 0; v < at.length.size(); v++) {
      look(passes.vectors + at.vector[v], at.length[v]);
      if (rule.by_tensor)
        change(net.depth + 1 + v, at.weights + at.vector[v], at.length[v], passes.vectors + at.vector[v]);
    }
    if (rule.whole) {
      memcpy(grad.data() + at.weights, passes.vectors, vectors * sizeof(float));
      change(0, 0, at.parameters, grad.data());
    } else if (!rule.by_tensor) {
      change(net.depth + 1, at.weights, vectors, passes.vectors);
    }
    if (cells.largest) seen.note(cells.largest + 3 * cell);
    cells.clipped[cell] += clipped;
  }
};

// Take the steps ``begin`` to ``end`` of every cell; ``spare`` has the parameters before the last of them.
static void train(const Network& net, const Rule& rule, const Data& data, const Cells& cells, long count, long batch,
                  long begin, long end) {
  Trainer trainer(net, rule, data, batch);
  for (long cell = 0; cell < count; cell++) {
    const Running running = trainer.running_of(cells, cell);
    for (long number = begin; number < end; number++) {
      if (number == end - 1) {
        long size = trainer.at.parameters;
        memcpy(cells.spare + cell * size, cells.param + cell * size, size * sizeof(float));
      }
      trainer.step(cells, running, cell, count, number, begin);
    }
  }
}
