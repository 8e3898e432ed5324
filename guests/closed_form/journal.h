/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The journal that a guest keeps on its disk, shared by the payloads and the model like form.h.
 *
 * Record n = 1, 2, 3, ... is one sector at slot (n-1) mod FORM_JOURNAL_SLOTS; its content follows
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
#ifndef MIGFUZZ_GUESTS_CLOSED_FORM_JOURNAL_H_
#define MIGFUZZ_GUESTS_CLOSED_FORM_JOURNAL_H_

#define FORM_SECTOR_BYTES 512
#define FORM_SECTOR_WORDS 64
#define FORM_JOURNAL_SLOTS 2048
#define FORM_JOURNAL_RETRY_TICKS 20 /* after an error; also bounds the error lines: 50 a second */
#define FORM_DEFAULT_WRITES_PER_S 200

/* Requests and the status of a good one: virtio-blk's numbers (VIRTIO 1.0, 5.2.6). */
#define FORM_DISK_WRITE 1u
#define FORM_DISK_FLUSH 4u
#define FORM_DISK_OK 0

#include "guests/closed_form/mix.h"

#define FORM_SECTOR_MAGIC UINT64_C(0x314b5349445a464d) /* the bytes "MFZDISK1" */
#define FORM_SECTOR_VERSION UINT64_C(1)

/* Words of a sector; those between are stirred, the last one is the hash. */
enum form_sector_word {
  FORM_SECTOR_IS,
  FORM_SECTOR_FORMAT,
  FORM_SECTOR_SEED,
  FORM_SECTOR_NUMBER,
  FORM_SECTOR_STEP,
  FORM_SECTOR_STIRRED,
  FORM_SECTOR_HASH = FORM_SECTOR_WORDS - 1,
};

enum form_journal_phase {
  FORM_JOURNAL_IDLE,
  FORM_JOURNAL_WRITING,
  FORM_JOURNAL_FLUSHING,
  FORM_JOURNAL_FAILED, /* writes again when ticks reach retry_at */
};

struct form_ack {
  uint64_t step; /* at which the record was issued */
  uint64_t link;
};

/* Part of the control block. `issued` is stored after `issued_step` and before the device hears of
 * the record, so it is ack_count or one more. Acknowledgements are written ahead exactly like the
 * records of steps (see struct form_control), with ack_count and acks_emitted in their places. */
struct form_journal {
  uint64_t writes_per_s; /* 0: no journal wanted, or no disk for it */
  uint64_t io_base;
  uint64_t queue_entries;
  uint64_t requests; /* given to the device since boot; it has answered all when used.idx equals */
  uint64_t phase;
  uint64_t fraction; /* of a record, in 1/FORM_TICKS_PER_S */
  uint64_t retry_at;
  uint64_t errors;
  uint64_t issued;
  uint64_t issued_step;
  uint64_t ack_count;
  uint64_t acks_emitted;
  struct form_ack ack[2];
};

static inline uint64_t form_slot_of(uint64_t number) { return (number - 1) % FORM_JOURNAL_SLOTS; }

/* Fills all words of record `number`, and returns its hash. Costs about 0.1 us. */
static inline uint64_t form_fill_sector(volatile uint64_t* words, uint64_t seed, uint64_t number,
                                        uint64_t step) {
  uint64_t x = form_mix(form_mix(seed) + FORM_JOURNAL_SALT * number + FORM_STEP_SALT * step);
  uint64_t hash = 0;
  words[FORM_SECTOR_IS] = FORM_SECTOR_MAGIC;
  words[FORM_SECTOR_FORMAT] = FORM_SECTOR_VERSION;
  words[FORM_SECTOR_SEED] = seed;
  words[FORM_SECTOR_NUMBER] = number;
  words[FORM_SECTOR_STEP] = step;
  for (int i = FORM_SECTOR_STIRRED; i < FORM_SECTOR_HASH; ++i) words[i] = x += FORM_WORD_STRIDE;
  for (int i = 0; i < FORM_SECTOR_HASH; ++i) hash = (hash ^ words[i]) * FORM_PAGE_STRIDE;
  hash = form_mix(hash);
  words[FORM_SECTOR_HASH] = hash;
  return hash;
}

static inline uint64_t form_next_link(uint64_t link, uint64_t sector_hash) {
  return form_mix(link ^ sector_hash);
}

#endif /* MIGFUZZ_GUESTS_CLOSED_FORM_JOURNAL_H_ */
