// The k-th largest of some numbers, exactly, in vectors.
#pragma once
#include <stdint.h>

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
