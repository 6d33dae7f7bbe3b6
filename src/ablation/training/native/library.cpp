// What Python calls. Each function returns whether there was memory enough for it.
#include <new>

#include "probing.h"
#include "scoring.h"

template <class Call>
static int within_memory(Call call) {
  try {
    call();
    return 1;
  } catch (const std::bad_alloc&) {
    return 0;
  }
}

extern "C" {

long ablation_lanes() { return LANES; }

int ablation_train(const Network* net, const Rule* rule, const Data* data, const Cells* cells, long count, long batch,
                   long begin, long end) {
  return within_memory([&] { train(*net, *rule, *data, *cells, count, batch, begin, end); });
}

int ablation_probe(const Network* net, const Rule* rule, Clip clip, const ProbeBatch* with, const Cells* cells,
                   long count, long batch, float* health, float* loss, double* norms, double* cosine) {
  return within_memory(
      [&] { probe(*net, *rule, clip, *with, *cells, count, batch, health, loss, norms, cosine); });
}

int ablation_score(const Network* net, const Cells* cells, const Part* part, long count, double* loss,
                   double* result) {
  return within_memory([&] { score(*net, *cells, *part, count, loss, result); });
}
}
