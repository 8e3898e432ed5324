/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The journal that `tiny` keeps on its disk, shared by the payload and the model like layout.h.
 *
 * Record n = 1, 2, 3, ... is one sector at slot (n-1) mod TINY_JOURNAL_SLOTS; its content follows
 * from seed, n and the step at which it was issued, and its last word is a hash of all others. So a
 * sector says by itself whether it is empty, a whole record (whose, and from which step) or torn.
 *
 * One record is under way at a time: written, then flushed, and only when the flush has succeeded
 * acknowledged on the debug console. So at most record n+1 is on disk unacknowledged when n is the
 * last acknowledged one. A request that failed is reported and the same record written again.
 *
 * Acknowledgements are a chain of hashes like the records of steps: link' = mix(link ^ hash of the
 * sector). Every record of steps folds the last link into its own chain, so an acknowledgement that
 * is lost shows even when no other one follows.
 *
 * 2048 slots are 1 MiB and 10 s at 200 records a second, more than most cases last; a journal that
 * wraps is judged as well, but says nothing any more of what it has overwritten.
 */
#ifndef MIGFUZZ_GUESTS_TINY_JOURNAL_H_
#define MIGFUZZ_GUESTS_TINY_JOURNAL_H_

#define TINY_SECTOR_BYTES 512
#define TINY_SECTOR_WORDS 64
#define TINY_JOURNAL_SLOTS 2048
#define TINY_JOURNAL_RETRY_TICKS 20 /* after an error; also bounds the error lines: 50 a second */
#define TINY_DEFAULT_WRITES_PER_S 200

/* What the device reads and writes, guest-physical, in pages that nobody owns: the one request
 * under way, and the virtqueue (a legacy one of 1024 entries takes 8 pages). */
#define TINY_REQUEST_GPA 0x201000
#define TINY_RING_GPA 0x210000
#define TINY_RING_END_GPA 0x218000
#define TINY_RING_ENTRIES_MAX 1024

#include "guests/tiny/mix.h"

#define TINY_SECTOR_MAGIC UINT64_C(0x314b5349445a464d) /* the bytes "MFZDISK1" */
#define TINY_SECTOR_VERSION UINT64_C(1)

/* Words of a sector; those between are stirred, the last one is the hash. */
enum tiny_sector_word {
  TINY_SECTOR_IS,
  TINY_SECTOR_FORMAT,
  TINY_SECTOR_SEED,
  TINY_SECTOR_NUMBER,
  TINY_SECTOR_STEP,
  TINY_SECTOR_STIRRED,
  TINY_SECTOR_HASH = TINY_SECTOR_WORDS - 1,
};

enum tiny_journal_phase {
  TINY_JOURNAL_IDLE,
  TINY_JOURNAL_WRITING,
  TINY_JOURNAL_FLUSHING,
  TINY_JOURNAL_FAILED, /* writes again when ticks reach retry_at */
};

struct tiny_ack {
  uint64_t step; /* at which the record was issued */
  uint64_t link;
};

/* Part of the control block. `issued` is stored after `issued_step` and before the device hears of
 * the record, so it is ack_count or one more. Acknowledgements are written ahead exactly like the
 * records of steps (see struct tiny_control), with ack_count and acks_emitted in their places. */
struct tiny_journal {
  uint64_t writes_per_s; /* 0: no journal wanted, or no disk for it */
  uint64_t io_base;
  uint64_t queue_entries;
  uint64_t requests; /* given to the device since boot; it has answered all when used.idx equals */
  uint64_t phase;
  uint64_t fraction; /* of a record, in 1/TINY_TICKS_PER_S */
  uint64_t retry_at;
  uint64_t errors;
  uint64_t issued;
  uint64_t issued_step;
  uint64_t ack_count;
  uint64_t acks_emitted;
  struct tiny_ack ack[2];
};

static inline uint64_t tiny_slot_of(uint64_t number) { return (number - 1) % TINY_JOURNAL_SLOTS; }

/* Fills all words of record `number`, and returns its hash. Costs about 0.1 us. */
static inline uint64_t tiny_fill_sector(volatile uint64_t* words, uint64_t seed, uint64_t number,
                                        uint64_t step) {
  uint64_t x = tiny_mix(tiny_mix(seed) + TINY_JOURNAL_SALT * number + TINY_STEP_SALT * step);
  uint64_t hash = 0;
  words[TINY_SECTOR_IS] = TINY_SECTOR_MAGIC;
  words[TINY_SECTOR_FORMAT] = TINY_SECTOR_VERSION;
  words[TINY_SECTOR_SEED] = seed;
  words[TINY_SECTOR_NUMBER] = number;
  words[TINY_SECTOR_STEP] = step;
  for (int i = TINY_SECTOR_STIRRED; i < TINY_SECTOR_HASH; ++i) words[i] = x += TINY_WORD_STRIDE;
  for (int i = 0; i < TINY_SECTOR_HASH; ++i) hash = (hash ^ words[i]) * TINY_PAGE_STRIDE;
  hash = tiny_mix(hash);
  words[TINY_SECTOR_HASH] = hash;
  return hash;
}

static inline uint64_t tiny_next_link(uint64_t link, uint64_t sector_hash) {
  return tiny_mix(link ^ sector_hash);
}

#endif /* MIGFUZZ_GUESTS_TINY_JOURNAL_H_ */
