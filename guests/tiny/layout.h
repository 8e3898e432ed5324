/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where the guest `tiny` keeps what closed_form/form.h describes: fixed guest-physical addresses,
 * in bytes. Shared by the payload (freestanding C, and assembly for the #defines) and the harness.
 */
#ifndef MIGFUZZ_GUESTS_TINY_LAYOUT_H_
#define MIGFUZZ_GUESTS_TINY_LAYOUT_H_

#include "guests/closed_form/form.h"

#define TINY_CONTROL_GPA 0x200000
#define TINY_BASE_GPA 0x400000 /* the most pages end at 516 MiB; the payload maps 1 GiB */
#define TINY_TOP_RESERVE 0x40000 /* SeaBIOS keeps its tables at the top of RAM */

/* What the disk reads and writes, in pages that nobody owns: the one request under way, and the
 * virtqueue (a legacy one of 1024 entries takes 8 pages). */
#define TINY_REQUEST_GPA 0x201000
#define TINY_RING_GPA 0x210000
#define TINY_RING_END_GPA 0x218000
#define TINY_RING_ENTRIES_MAX 1024

#ifndef __ASSEMBLER__

/* The owned pages in `memory_bytes` of RAM: the largest power of two that fits between the base and
 * the reserve at the top, at most `pages_max`; 0 when none fits. */
static inline uint64_t tiny_pages_for(uint64_t memory_bytes, uint64_t pages_max) {
  const uint64_t limit = pages_max < FORM_MAX_PAGES ? pages_max : FORM_MAX_PAGES;
  uint64_t pages = limit == 0 ? 0 : 1;
  if (memory_bytes < TINY_BASE_GPA + TINY_TOP_RESERVE + FORM_PAGE_BYTES) return 0;
  const uint64_t room = (memory_bytes - TINY_BASE_GPA - TINY_TOP_RESERVE) >> FORM_PAGE_SHIFT;
  while (pages != 0 && pages * 2 <= room && pages * 2 <= limit) pages *= 2;
  return pages;
}

#endif /* __ASSEMBLER__ */
#endif /* MIGFUZZ_GUESTS_TINY_LAYOUT_H_ */
