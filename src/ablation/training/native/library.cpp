// What Python calls.
#include "measuring.h"

extern "C" void ablation_train(const Network* net, const Rule* rule, const Data* data, const Cells* cells, long count,
                               long batch, long begin, long end) {
  train(*net, *rule, *data, *cells, count, batch, begin, end);
}

extern "C" void ablation_probe(const Network* net, const Rule* rule, Clip clip, const ProbeBatch* with,
                               const Cells* cells, long count, long batch, float* health, float* loss, double* norms,
                               double* cosine) {
  probe(*net, *rule, clip, *with, *cells, count, batch, health, loss, norms, cosine);
}

extern "C" void ablation_score(const Network* net, const Cells* cells, const Part* part, long count, double* loss,
                               double* result) {
  score(*net, *cells, *part, count, loss, result);
}

extern "C" long ablation_lanes() { return LANES; }
