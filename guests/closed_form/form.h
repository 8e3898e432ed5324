/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The one definition of what a guest keeps in memory: its control block and the closed form of its
 * pages. Every payload (freestanding C in `tiny`, a process in `linux`; assembly for the #defines)
 * and the model of the harness (C++) include this file, so they cannot disagree. Where in the RAM
 * these pages lie is the guest's own affair.
 *
 * Time is a step n = 1, 2, 3, ...; step 0 is the state at boot. Step n of epoch e = (n-1)/N writes
 * one whole page p = (A*k + mix(e ^ seed)) mod N with k = (n-1) mod N. N is a power of two and A is
 * odd, so every epoch writes every page exactly once, in an order of its own; the inverse of A
 * gives for any page the step that last wrote it. Word 0 of a page is its step; word i > 0 is
 * base(seed, page, step) + i*B. Two different bases differ in every one of these words.
 *
 * The chain links the records of the evidence: chain' = mix(chain ^ step ^ digest ^ link), the
 * digest being a fold of the bases of all steps since the record before and the link that of the
 * last acknowledged record on disk (journal.h; 0: none). It comes from the closed form and not from
 * memory read back: a damaged page is named by an E record and by the examiner, and must not spoil
 * the proof that no step was lost or repeated.
 *
 * All fields are little-endian 64-bit words; sizes in pages of 4096 bytes; addresses are
 * guest-physical.
 */
#ifndef MIGFUZZ_GUESTS_CLOSED_FORM_FORM_H_
#define MIGFUZZ_GUESTS_CLOSED_FORM_FORM_H_

#define FORM_CONTROL_TICKS_OFFSET 168 /* the only field that assembly touches */
#define FORM_PAGE_SHIFT 12
#define FORM_PAGE_BYTES 4096
#define FORM_PAGE_WORDS 512
#define FORM_DEFAULT_PAGES 2048
#define FORM_MAX_PAGES 131072
#define FORM_TICKS_PER_S 1000
#define FORM_TICKS_PER_RECORD 4
#define FORM_TICKS_CAUGHT_UP 4 /* a guest that lags forgets the older ticks */
#define FORM_LINE_BYTES_MAX 64

#ifndef __ASSEMBLER__
#include <stdint.h>

#include "guests/closed_form/journal.h"
#include "guests/closed_form/mix.h"

#define FORM_MAGIC UINT64_C(0x31594e49545a464d) /* the bytes "MFZTINY1" */
#define FORM_VERSION UINT64_C(4)

struct form_range {
  uint64_t gpa;
  uint64_t pages;
};

struct form_record {
  uint64_t step;
  uint64_t chain;
};

/* One page, and the whole state of the guest: nothing that matters lives in a
 * register across steps or in another page, so a stale control page shows as repeated steps (what
 * the disk is asked lies in the pages of journal.h, for the device must read it there). Loops
 * end at a target kept here and not after a count kept elsewhere: a guest whose stack or control
 * page went stale in a migration must go on and tell, not spin in silence (seen with QEMU 7.2).
 *
 * `magic` is written last at boot. `step_started` is n before page_of(n) is touched and `step_done`
 * is n after it is whole, so at any stop they are equal or differ by one.
 *
 * Records are written ahead: first slot (record_count + 1) % 2 is filled, then the single store
 * record_count + 1 commits it, then the line goes out byte by byte, then records_emitted follows.
 * So at any stop the last complete S line is the committed record, or, only while records_emitted
 * differs from record_count, the one before it plus a beginning (perhaps empty) of its line. Text
 * that is ahead of an image therefore proves that the image is older than the text. */
struct form_control {
  uint64_t magic;
  uint64_t version;
  uint64_t seed;
  uint64_t base_gpa;
  uint64_t pages;
  uint64_t rate_pages_per_s;
  uint64_t step_started;
  uint64_t step_done;
  uint64_t record_count;
  uint64_t records_emitted;
  struct form_record record[2];
  uint64_t self_checks;
  uint64_t self_check_failures;
  uint64_t failed_page; /* of the last failure: page, expected step, step at which it was seen */
  uint64_t failed_expected_step;
  uint64_t failed_at_step;
  uint64_t step_target; /* the steps that are due now end here */
  uint64_t line_bytes;
  uint64_t ticks; /* by the timer's interrupt; see FORM_CONTROL_TICKS_OFFSET */
  uint64_t ticks_handled;
  uint64_t ticks_forgotten;
  uint64_t ticks_at_record;
  uint64_t fraction; /* of a page, in 1/FORM_TICKS_PER_S */
  uint64_t range_count;
  struct form_range range[4]; /* where the owned RAM is, for a reader who knows nothing else */
  char line[FORM_LINE_BYTES_MAX];
  struct form_journal journal;
  uint64_t clock_ns; /* at the last record: tiny: the HPET or its ticks; linux: CLOCK_MONOTONIC */
  uint64_t clock_tsc;
  uint64_t clock_went_back; /* records at which either was less than at the record before */
  uint64_t notice;          /* written from outside: how often it was told of a migration */
  uint64_t noticed;         /* up to which it has answered */
};

/* The page that step `step` >= 1 writes; `pages` is a power of two. */
static inline uint64_t form_page_of(uint64_t seed, uint64_t pages, uint64_t step) {
  const uint64_t epoch = (step - 1) / pages;
  const uint64_t k = (step - 1) & (pages - 1);
  return (FORM_PAGE_STRIDE * k + form_mix(epoch ^ seed)) & (pages - 1);
}

/* The place of `page` in the order of `epoch`: the k with page_of(epoch*pages + k + 1) == page. */
static inline uint64_t form_place_of(uint64_t seed, uint64_t pages, uint64_t epoch, uint64_t page) {
  return (form_inverse(FORM_PAGE_STRIDE) * (page - form_mix(epoch ^ seed))) & (pages - 1);
}

/* The step that last wrote `page` once `done` steps are complete; 0: not written since boot. */
static inline uint64_t form_last_step(uint64_t seed, uint64_t pages, uint64_t done, uint64_t page) {
  if (done == 0) return 0;
  uint64_t epoch = (done - 1) / pages;
  uint64_t place = form_place_of(seed, pages, epoch, page);
  if (place > ((done - 1) & (pages - 1))) {
    if (epoch == 0) return 0;
    --epoch;
    place = form_place_of(seed, pages, epoch, page);
  }
  return epoch * pages + place + 1;
}

static inline uint64_t form_base_of(uint64_t seed, uint64_t page, uint64_t step) {
  return form_mix(form_mix(seed) + FORM_PAGE_SALT * page + FORM_STEP_SALT * step);
}

/* Word `i` of `page` as step `step` leaves it. */
static inline uint64_t form_word_of(uint64_t base, uint64_t step, uint64_t i) {
  return i == 0 ? step : base + i * FORM_WORD_STRIDE;
}

static inline uint64_t form_first_chain(uint64_t seed, uint64_t pages) {
  return form_mix(seed ^ FORM_CHAIN_SALT ^ pages);
}

/* The chain after a record that covers the steps (from, to] and follows the acknowledgement `link`.
 * Costs about 10 ns a step. */
static inline uint64_t form_next_chain(uint64_t seed, uint64_t pages, uint64_t chain, uint64_t from,
                                       uint64_t to, uint64_t link) {
  uint64_t digest = 0;
  for (uint64_t n = from + 1; n <= to; ++n) {
    digest = (digest ^ form_base_of(seed, form_page_of(seed, pages, n), n)) * FORM_PAGE_STRIDE;
  }
  return form_mix(chain ^ to ^ digest ^ link);
}

/* The most steps that one record can cover at this rate, with room to spare: the guest handles at
 * most FORM_TICKS_CAUGHT_UP + FORM_TICKS_PER_RECORD - 1 ticks between two records. */
static inline uint64_t form_record_steps_max(uint64_t rate_pages_per_s) {
  return (FORM_TICKS_CAUGHT_UP + FORM_TICKS_PER_RECORD) * rate_pages_per_s / FORM_TICKS_PER_S + 2;
}

#endif /* __ASSEMBLER__ */
#endif /* MIGFUZZ_GUESTS_CLOSED_FORM_FORM_H_ */
