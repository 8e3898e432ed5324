/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The guest `tiny`: fills its owned pages, then rewrites them at a steady rate in the order of the
 * closed form (../layout.h), checks each page before it overwrites it, and reports on the debug
 * console. One vCPU, no heap, no libraries; the PIT at 1000 Hz paces it and it halts in between.
 *
 * Lines on port 0xe9 are those of closed_form/engine.h and one more:
 *   X <vector> <error hex16> <rip hex16>           an exception; the guest halts
 *
 * Command line: seed=N rate=PAGES_PER_S pages=N (a power of two) or mib=RAM, disk=WRITES_PER_S (0:
 * no journal, as without a virtio-blk device); decimal or 0x...
 * The run line for hand use is in boot.S.
 */
#include "guests/tiny/layout.h"
#include "guests/tiny/payload/console.h"
#include "guests/tiny/payload/disk.h"
#include "guests/tiny/payload/ports.h"

static volatile uint64_t* page_words(uint64_t page) {
  return (volatile uint64_t*)(TINY_BASE_GPA + (page << FORM_PAGE_SHIFT));
}

/* IA-PC HPET Specification 1.0a: capabilities and period at 0, enable at 0x10, counter at 0xf0. */
static volatile uint32_t* const hpet = (volatile uint32_t*)0xfed00000;
#define HPET_PERIOD_FS 10000000 /* QEMU's: 10 ns */

static void set_up_clock(void) {
  if (hpet[1] == HPET_PERIOD_FS) hpet[0x10 / 4] = hpet[0x10 / 4] | 1;
}

static uint64_t clock_ns(void) {
  if (hpet[1] != HPET_PERIOD_FS) return control->ticks * (1000000000 / FORM_TICKS_PER_S);
  uint32_t high = 0, low = 0;
  do {
    high = hpet[0xf4 / 4];
    low = hpet[0xf0 / 4];
  } while (high != hpet[0xf4 / 4]);
  return ((uint64_t)high << 32 | low) * 10;
}

#include "guests/closed_form/engine.h"

_Static_assert(__builtin_offsetof(struct form_control, ticks) == FORM_CONTROL_TICKS_OFFSET,
               "boot.S counts ticks here");
_Static_assert(sizeof(struct form_control) <= FORM_PAGE_BYTES, "the control block is one page");

#define PIT_DIVISOR 1193 /* 1193182 Hz / 1193 = 1000.15 Hz */
#define TIMER_VECTOR 0x20

/* The parts of Xen's struct hvm_start_info that we read. */
struct start_info {
  uint32_t magic;
  uint32_t version;
  uint32_t flags;
  uint32_t module_count;
  uint64_t modules;
  uint64_t command_line;
};
#define START_INFO_MAGIC 0x336ec578u

struct gate {
  uint16_t offset_low;
  uint16_t selector;
  uint8_t stack;
  uint8_t type;
  uint16_t offset_middle;
  uint32_t offset_high;
  uint32_t zero;
};

extern const char tiny_exception_stubs[];
extern const char tiny_on_timer[];
extern const char tiny_on_stray[];
void tiny_main(const struct start_info* info);
void tiny_on_exception(uint64_t vector, uint64_t error, uint64_t rip);

static struct gate idt[0x30];
void tiny_on_exception(uint64_t vector, uint64_t error, uint64_t rip) {
  line_begin('X');
  line_number(vector);
  line_digits(error, 16);
  line_digits(rip, 16);
  line_send();
}

static void set_gate(int vector, const char* entry) {
  const uint64_t address = (uint64_t)entry;
  idt[vector] = (struct gate){.offset_low = (uint16_t)address,
                              .selector = 0x08,
                              .type = 0x8e,
                              .offset_middle = (uint16_t)(address >> 16),
                              .offset_high = (uint32_t)(address >> 32)};
}

static void set_up_interrupts(void) {
  for (int i = 0; i < 32; ++i) set_gate(i, tiny_exception_stubs + 16 * i);
  for (int i = 32; i < 0x30; ++i) set_gate(i, tiny_on_stray);
  set_gate(TIMER_VECTOR, tiny_on_timer);
  const struct {
    uint16_t limit;
    uint64_t base;
  } __attribute__((packed)) pointer = {sizeof(idt) - 1, (uint64_t)idt};
  __asm__ volatile("lidt %0" ::"m"(pointer));

  /* Both PICs: ICW1..ICW4, vectors 0x20 and 0x28, everything masked but the timer. */
  out8(0x20, 0x11);
  out8(0xa0, 0x11);
  out8(0x21, TIMER_VECTOR);
  out8(0xa1, TIMER_VECTOR + 8);
  out8(0x21, 4);
  out8(0xa1, 2);
  out8(0x21, 1);
  out8(0xa1, 1);
  out8(0x21, 0xfe);
  out8(0xa1, 0xff);

  /* The local APIC passes the PIC's interrupts on (LINT0 = ExtINT), whatever firmware left there.
   */
  volatile uint32_t* const apic = (volatile uint32_t*)0xfee00000;
  apic[0xf0 / 4] = 0x12f;
  apic[0x350 / 4] = 0x700;

  out8(0x43, 0x34); /* channel 0, both bytes, rate generator */
  out8(0x40, PIT_DIVISOR & 0xff);
  out8(0x40, PIT_DIVISOR >> 8);
}

/* Leaves writes_per_s at 0, and with it the journal closed, when there is no disk that can hold it.
 */
static void open_journal(uint64_t writes_per_s) {
  volatile struct form_journal* const journal = &control->journal;
  if (writes_per_s == 0) return;
  const uint64_t io_base = pci_find(DISK_DEVICE_AND_VENDOR);
  if (io_base == 0) return;
  journal->queue_entries = disk_set_up((uint16_t)io_base);
  journal->io_base = io_base;
  if (journal->queue_entries != 0) journal->writes_per_s = writes_per_s;
}

static int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return 99;
}

/* The value of `key` (with its '='), or `otherwise`. */
static uint64_t option(const char* text, const char* key, uint64_t otherwise) {
  for (char last = ' '; text != 0 && *text != 0; last = *text++) {
    int i = 0;
    while (key[i] != 0 && text[i] == key[i]) ++i;
    if (last != ' ' || key[i] != 0) continue;
    const char* at = text + i;
    int radix = 10;
    if (at[0] == '0' && at[1] == 'x') {
      radix = 16;
      at += 2;
    }
    uint64_t value = 0;
    for (; digit_of(*at) < radix; ++at) value = value * (uint64_t)radix + (uint64_t)digit_of(*at);
    return value;
  }
  return otherwise;
}

static void boot(const struct start_info* info) {
  const char* text =
      info->magic == START_INFO_MAGIC ? (const char*)info->command_line : (const char*)0;
  const uint64_t from_ram = tiny_pages_for(option(text, "mib=", 16) << 20, FORM_DEFAULT_PAGES);
  uint64_t pages = option(text, "pages=", from_ram);
  if (pages > FORM_MAX_PAGES) pages = FORM_MAX_PAGES;
  while ((pages & (pages - 1)) != 0) pages &= pages - 1; /* down to a power of two */
  if (pages == 0) pages = 1;

  for (uint64_t i = 0; i < FORM_PAGE_WORDS; ++i) {
    ((volatile uint64_t*)TINY_CONTROL_GPA)[i] = 0; /* after a reset of the machine, too */
  }
  form_begin(option(text, "seed=", 1), pages, option(text, "rate=", 4000), TINY_BASE_GPA);
  control->range_count = 1;
  control->range[0].gpa = TINY_BASE_GPA;
  control->range[0].pages = pages;
  open_journal(option(text, "disk=", FORM_DEFAULT_WRITES_PER_S));
  form_boot();
}

/* Waits until the timer has ticked; returns how many ticks' work is due, at most four. */
static uint64_t wait_for_ticks(void) {
  __asm__ volatile("cli");
  while (control->ticks == control->ticks_handled) {
    __asm__ volatile("sti; hlt; cli" ::
                         : "memory"); /* no gap: sti opens after the next instruction */
  }
  __asm__ volatile("sti");
  return ticks_due(control->ticks);
}

/* Flattened: in steady state no return address lives on the stack, so a stale stack page cannot
 * send the guest astray before it has reported the pages that are wrong. */
__attribute__((flatten)) static void run(void) {
  for (;;) form_turn(wait_for_ticks());
}

void tiny_main(const struct start_info* info) {
  boot(info);
  set_up_interrupts();
  set_up_clock();
  run();
}
