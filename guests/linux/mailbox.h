/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How the guest `linux` and the harness find each other in the guest's RAM; shared by the payload
 * and the harness.
 *
 * LINUX_CONTROL_BYTES at LINUX_CONTROL_GPA are kept from the kernel (its parameter memmap=) and
 * mapped by the workload through /dev/mem: one page with the control block (closed_form/form.h) and
 * behind it the mailbox, then a table of where the workload's own pages lie. Those are ordinary
 * memory of a process, locked, wherever the kernel put them.
 *
 * A guest that was booted to be saved waits: it has filled in the table, and polls `go`. Whoever
 * restores it writes the numbers of a plan, then `go`; only then are the pages filled and the first
 * line is told. So one saved guest serves every seed and every rate.
 *
 * Little-endian 64-bit words; addresses are guest-physical, in bytes.
 */
#ifndef MIGFUZZ_GUESTS_LINUX_MAILBOX_H_
#define MIGFUZZ_GUESTS_LINUX_MAILBOX_H_

#include <stdint.h>

#include "guests/closed_form/form.h"

#define LINUX_CONTROL_GPA 0x4000000
#define LINUX_CONTROL_BYTES 0x10000
#define LINUX_MAILBOX_GPA (LINUX_CONTROL_GPA + 2048)
#define LINUX_TABLE_GPA (LINUX_CONTROL_GPA + FORM_PAGE_BYTES)
#define LINUX_PAGES 2048 /* owned pages: 8 MiB */

#define LINUX_MAILBOX_MAGIC UINT64_C(0x3158554e494c464d) /* the bytes "MFLINUX1" */

struct linux_mailbox {
  uint64_t magic; /* last: everything else holds */
  uint64_t pages; /* words at LINUX_TABLE_GPA: the address of each owned page */
  uint64_t table_hash;
  /* Written by the harness into a guest that stands still, `go` last. */
  uint64_t seed;
  uint64_t rate_pages_per_s;
  uint64_t disk_writes_per_s;
  uint64_t go;
};

/* Of the table: nobody writes it any more, so a page of it that a migration loses shows. */
static inline uint64_t linux_table_hash(const uint64_t* table, uint64_t pages) {
  uint64_t hash = pages;
  for (uint64_t i = 0; i < pages; ++i) hash = form_mix(hash ^ table[i]);
  return hash;
}

#endif /* MIGFUZZ_GUESTS_LINUX_MAILBOX_H_ */
