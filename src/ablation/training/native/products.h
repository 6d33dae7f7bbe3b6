// Matrix products of one cell, with the examples of a batch along memory.
//
// Every product is C[m][n] = start[m] + sum_k A(m, k) B[k][n] with n along memory, so that one kernel serves all three
// of a layer: A is read number by number, by any two strides, and so is taken transposed for nothing; B and C are read
// and written in whole vectors. C is held in registers, a tile at a time, while k goes by, and k goes by in order: a
// number is the same whatever else is computed.
#pragma once
#include <stdint.h>

#if defined(__AVX512F__)
constexpr long LANES = 16, WIDEST = 4;
constexpr long TALLEST[] = {0, 14, 12, 8, 6};  // rows of a tile by its vectors: 24 of the 32 registers, or 28
#elif defined(__AVX__)
constexpr long LANES = 8, WIDEST = 2;
constexpr long TALLEST[] = {0, 8, 6};  // of 16 registers
#else
constexpr long LANES = 4, WIDEST = 2;
constexpr long TALLEST[] = {0, 8, 6};
#endif

// A vector of the processor, wherever it lies in memory.
typedef float Lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

static inline long padded(long n) { return (n + LANES - 1) / LANES * LANES; }

struct Factor {  // A(m, k) = at[m * row + k * column]
  const float* at;
  long row, column;
};

template <int ROWS, int VECTORS>
static inline __attribute__((always_inline)) void tile(
    Factor a, const float* b, long b_row, long depth, const float* start, float* c, long c_row) {
  Lanes sum[ROWS][VECTORS];
#pragma GCC unroll 16
  for (int m = 0; m < ROWS; m++)
#pragma GCC unroll 16
    for (int v = 0; v < VECTORS; v++) sum[m][v] = Lanes{} + (start ? start[m] : 0.0f);
  for (long k = 0; k < depth; k++) {
    Lanes row[VECTORS];
#pragma GCC unroll 16
    for (int v = 0; v < VECTORS; v++) row[v] = *(const Lanes*)(b + k * b_row + v * LANES);
#pragma GCC unroll 16
    for (int m = 0; m < ROWS; m++) {
      Lanes x = Lanes{} + a.at[m * a.row + k * a.column];
#pragma GCC unroll 16
      for (int v = 0; v < VECTORS; v++) sum[m][v] += x * row[v];
    }
  }
#pragma GCC unroll 16
  for (int m = 0; m < ROWS; m++)
#pragma GCC unroll 16
    for (int v = 0; v < VECTORS; v++) *(Lanes*)(c + m * c_row + v * LANES) = sum[m][v];
}

template <int VECTORS, int ROWS>
static void tile_of(long rows, Factor a, const float* b, long b_row, long depth, const float* start, float* c, long c_row) {
  if constexpr (ROWS > 0) {
    if (rows == ROWS)
      tile<ROWS, VECTORS>(a, b, b_row, depth, start, c, c_row);
    else
      tile_of<VECTORS, ROWS - 1>(rows, a, b, b_row, depth, start, c, c_row);
  }
}

template <int VECTORS>
static void strip(long rows, Factor a, const float* b, long b_row, long depth, const float* start, float* c, long c_row) {
  long tiles = (rows + TALLEST[VECTORS] - 1) / TALLEST[VECTORS], done = 0;
  for (long each = 1; each <= tiles; each++) {
    long end = rows * each / tiles;  // as high as each other, for a low one leaves the processor waiting for its sums
    Factor below{a.at + done * a.row, a.row, a.column};
    tile_of<VECTORS, TALLEST[VECTORS]>(
        end - done, below, b, b_row, depth, start ? start + done : nullptr, c + done * c_row, c_row);
    done = end;
  }
}

// C = start + A B, for as many columns as whole vectors hold: n is a multiple of LANES. Without ``start``, of zeros.
static void product(
    long rows, long n, long depth, Factor a, const float* b, long b_row, const float* start, float* c, long c_row) {
  long left = n / LANES;
  for (; left >= WIDEST; left -= WIDEST, b += WIDEST * LANES, c += WIDEST * LANES)
    strip<WIDEST>(rows, a, b, b_row, depth, start, c, c_row);
  if constexpr (WIDEST > 3)
    if (left == 3) strip<3>(rows, a, b, b_row, depth, start, c, c_row);
  if constexpr (WIDEST > 2)
    if (left == 2) strip<2>(rows, a, b, b_row, depth, start, c, c_row);
  if (left == 1) strip<1>(rows, a, b, b_row, depth, start, c, c_row);
}

// C = A B of any number of columns n, where the rows of B reach on to the next multiple of LANES; ``room`` has a vector
// a row.
static void product_of_any(
    long rows, long n, long depth, Factor a, const float* b, long b_row, float* c, long c_row, float* room) {
  long whole = n / LANES * LANES;
  product(rows, whole, depth, a, b, b_row, nullptr, c, c_row);
  if (whole == n) return;
  product(rows, LANES, depth, a, b + whole, b_row, nullptr, room, LANES);
  for (long m = 0; m < rows; m++)
    for (long j = whole; j < n; j++) c[m * c_row + j] = room[m * LANES + j - whole];
}

// Rows that are transposed at a time, so that what is written ends where a row of whole vectors does.
constexpr long SIDE = LANES < 8 ? LANES : 8;

#if defined(__clang__)
#define PICKED(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define PICKED(a, b, ...) __builtin_shuffle(a, b, Places{__VA_ARGS__})
#endif

// to[j][i] = from[i][j], for rows i that lie anywhere; the rows of ``to`` reach on to the next multiple of LANES.
template <class Row>
static inline void transpose(Row from, long rows, long columns, float* to, long to_row) {
  for (long i = 0; i < rows; i += SIDE) {
    const float* at[SIDE];
    for (long k = 0; k < SIDE; k++) at[k] = from(i + k < rows ? i + k : rows - 1);
    float* out = to + i;
    long j = 0;
#if defined(__AVX__)
    typedef float Eight __attribute__((vector_size(32), aligned(4), may_alias));
    typedef int Places __attribute__((vector_size(32), unused));
    for (; j + 8 <= columns; j += 8) {
      Eight a[8], b[8];
      for (int k = 0; k < 8; k++) a[k] = *(const Eight*)(at[k] + j);
      for (int k = 0; k < 8; k += 2) {
        b[k] = PICKED(a[k], a[k + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        b[k + 1] = PICKED(a[k], a[k + 1], 2, 10, 3, 11, 6, 14, 7, 15);
      }
      for (int k = 0; k < 8; k += 4)
        for (int h = 0; h < 2; h++) {
          a[k + 2 * h] = PICKED(b[k + h], b[k + h + 2], 0, 1, 8, 9, 4, 5, 12, 13);
          a[k + 2 * h + 1] = PICKED(b[k + h], b[k + h + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
      for (int k = 0; k < 4; k++) {
        *(Eight*)(out + (j + k) * to_row) = PICKED(a[k], a[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        *(Eight*)(out + (j + k + 4) * to_row) = PICKED(a[k], a[k + 4], 4, 5, 6, 7, 12, 13, 14, 15);
      }
    }
#endif
    for (; j < columns; j++)
      for (long k = 0; k < SIDE; k++) out[j * to_row + k] = at[k][j];
  }
}
