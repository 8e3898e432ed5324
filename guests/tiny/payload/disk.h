/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A legacy (transitional, port I/O) virtio-blk driver with one request under way and no interrupt:
 * set the device up, submit, look. Included once, by main.c. What it knows between two calls is in
 * the control block and in the pages that the device uses, so it survives a migration with a
 * request under way. It never waits: a disk that hangs only stops the journal.
 *
 * Layouts and registers: Virtual I/O Device (VIRTIO) 1.0, the "Legacy Interface" sections of 2.4,
 * 4.1 and 5.2.
 */
#ifndef MIGFUZZ_GUESTS_TINY_PAYLOAD_DISK_H_
#define MIGFUZZ_GUESTS_TINY_PAYLOAD_DISK_H_

#include "guests/tiny/layout.h"
#include "guests/tiny/payload/console.h"
#include "guests/tiny/payload/ports.h"

#define DISK_DEVICE_AND_VENDOR 0x10011af4u /* transitional virtio-blk */

/* Offsets in the legacy I/O bar. */
#define DISK_FEATURES 0x00
#define DISK_FEATURES_TAKEN 0x04
#define DISK_QUEUE_PAGE 0x08
#define DISK_QUEUE_ENTRIES 0x0c
#define DISK_QUEUE_SELECT 0x0e
#define DISK_QUEUE_NOTIFY 0x10
#define DISK_STATUS 0x12
#define DISK_CAPACITY 0x14 /* in sectors, 64 bits */
#define DISK_DRIVER 3      /* acknowledged, with a driver */
#define DISK_DRIVER_OK 7
#define VIRTIO_BLK_F_FLUSH (1u << 9) /* taken: QEMU then caches, and a flush means something */
#define DISK_UNANSWERED 0xff

struct disk_request {
  uint32_t type;
  uint32_t reserved;
  uint64_t sector;
  uint8_t status;
};
static volatile struct disk_request* const disk_request =
    (volatile struct disk_request*)TINY_REQUEST_GPA;
static volatile uint64_t* const disk_sector =
    (volatile uint64_t*)(TINY_REQUEST_GPA + FORM_SECTOR_BYTES);

struct disk_descriptor {
  uint64_t gpa;
  uint32_t bytes;
  uint16_t flags; /* 1: goes on at `next`; 2: the device writes */
  uint16_t next;
};
struct disk_ring {
  uint16_t flags; /* of the available ring: 1: no interrupts, please */
  uint16_t index;
  uint16_t head[];
};
static volatile struct disk_descriptor* const disk_descriptors =
    (volatile struct disk_descriptor*)TINY_RING_GPA;

static volatile struct disk_ring* disk_available(void) {
  return (volatile struct disk_ring*)(TINY_RING_GPA + 16 * control->journal.queue_entries);
}

/* The used ring begins on the page after the available one (with its `used_event`). */
static volatile struct disk_ring* disk_used(void) {
  const uint64_t end = 18 * control->journal.queue_entries + 6;
  return (volatile struct disk_ring*)(TINY_RING_GPA +
                                      ((end + FORM_PAGE_BYTES - 1) & ~(FORM_PAGE_BYTES - 1ull)));
}

/* Resets the device and gives it an empty ring; the number of its entries, 0: of no use to us. */
static uint64_t disk_set_up(uint16_t io_base) {
  out8((uint16_t)(io_base + DISK_STATUS), 0);
  for (volatile uint64_t* word = (volatile uint64_t*)TINY_REQUEST_GPA;
       word < (volatile uint64_t*)TINY_RING_END_GPA; ++word) {
    *word = 0;
  }
  out8((uint16_t)(io_base + DISK_STATUS), DISK_DRIVER);
  out16((uint16_t)(io_base + DISK_QUEUE_SELECT), 0);
  const uint64_t entries = in16((uint16_t)(io_base + DISK_QUEUE_ENTRIES));
  const uint64_t sectors = in32((uint16_t)(io_base + DISK_CAPACITY)) |
                           (uint64_t)in32((uint16_t)(io_base + DISK_CAPACITY + 4)) << 32;
  if (entries < 4 || entries > TINY_RING_ENTRIES_MAX || sectors < FORM_JOURNAL_SLOTS) return 0;
  out32((uint16_t)(io_base + DISK_FEATURES_TAKEN),
        in32((uint16_t)(io_base + DISK_FEATURES)) & VIRTIO_BLK_F_FLUSH);
  out32((uint16_t)(io_base + DISK_QUEUE_PAGE), TINY_RING_GPA >> FORM_PAGE_SHIFT);
  out8((uint16_t)(io_base + DISK_STATUS), DISK_DRIVER_OK);
  return entries;
}

/* Header, sector if there is one, status: the same three descriptors each time. */
static void disk_submit(uint32_t type, uint64_t sector) {
  const uint64_t requests = control->journal.requests;
  volatile struct disk_ring* const available = disk_available();
  disk_request->type = type;
  disk_request->sector = sector;
  disk_request->status = DISK_UNANSWERED;
  disk_descriptors[0].gpa = TINY_REQUEST_GPA;
  disk_descriptors[0].bytes = __builtin_offsetof(struct disk_request, status);
  disk_descriptors[0].flags = 1;
  disk_descriptors[0].next = type == FORM_DISK_WRITE ? 1 : 2;
  disk_descriptors[1].gpa = TINY_REQUEST_GPA + FORM_SECTOR_BYTES;
  disk_descriptors[1].bytes = FORM_SECTOR_BYTES;
  disk_descriptors[1].flags = 1;
  disk_descriptors[1].next = 2;
  disk_descriptors[2].gpa = TINY_REQUEST_GPA + __builtin_offsetof(struct disk_request, status);
  disk_descriptors[2].bytes = 1;
  disk_descriptors[2].flags = 2;
  available->flags = 1;
  available->head[requests & (control->journal.queue_entries - 1)] = 0;
  control->journal.requests = requests + 1;
  available->index = (uint16_t)(requests + 1);
  __asm__ volatile("" ::: "memory"); /* the device must see it all */
  out16((uint16_t)(control->journal.io_base + DISK_QUEUE_NOTIFY), 0);
}

static int disk_is_done(void) { return disk_used()->index == (uint16_t)control->journal.requests; }

static uint8_t disk_status(void) { return disk_request->status; }

#endif /* MIGFUZZ_GUESTS_TINY_PAYLOAD_DISK_H_ */
