/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The arithmetic under the closed forms: one bijection that stirs 64 bits, and the odd
 * constants that keep equal things apart. Shared by the payloads and the model.
 *
 * The constants have no structure: 2^64/phi and the multipliers of SplitMix64 (Steele et al., 2014)
 * and of PCG (O'Neill, 2014).
 */
#ifndef MIGFUZZ_GUESTS_CLOSED_FORM_MIX_H_
#define MIGFUZZ_GUESTS_CLOSED_FORM_MIX_H_

#include <stdint.h>

#define FORM_PAGE_STRIDE UINT64_C(0x9e3779b97f4a7c15)
#define FORM_WORD_STRIDE UINT64_C(0xd1342543de82ef95)
#define FORM_PAGE_SALT UINT64_C(0xbf58476d1ce4e5b9)
#define FORM_STEP_SALT UINT64_C(0x94d049bb133111eb)
#define FORM_JOURNAL_SALT UINT64_C(0x5851f42d4c957f2d)
#define FORM_CHAIN_SALT UINT64_C(0x636861696e2d3000)

/* The finalizer of SplitMix64: a bijection in which every input bit stirs every output bit. */
static inline uint64_t form_mix(uint64_t x) {
  x ^= x >> 30;
  x *= UINT64_C(0xbf58476d1ce4e5b9);
  x ^= x >> 27;
  x *= UINT64_C(0x94d049bb133111eb);
  x ^= x >> 31;
  return x;
}

/* The inverse of an odd number modulo 2^64 (and so modulo every smaller power of two). Newton's
 * step doubles the right bits; a*a == 1 mod 8 gives the first three: 3, 6, 12, 24, 48, 96. */
static inline uint64_t form_inverse(uint64_t odd) {
  uint64_t x = odd;
  for (int i = 0; i < 5; ++i) x *= 2 - odd * x;
  return x;
}

#endif /* MIGFUZZ_GUESTS_CLOSED_FORM_MIX_H_ */
