/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The guest `tiny`: fills its owned pages, then rewrites them at a steady rate in the order of the
 * closed form (../layout.h), checks each page before it overwrites it, and reports on the debug
 * console. One vCPU, no heap, no libraries; the PIT at 1000 Hz paces it and it halts in between.
 *
 * Lines on port 0xe9, hexadecimal without prefix (hex16: sixteen digits):
 *   B <pages> <seed hex16> <base gpa>              once, when every page has its step-0 content
 *   S <step hex16> <chain hex16>                   every 4 ticks, if steps were made since
 *   E <page> <expected step hex16> <at step hex16> a page that was wrong, once; the guest goes on
 *   D <n> <step hex16> <link hex16>                record n, issued at that step, is on the disk
 *   F <n> <step hex16> <type> <status>             a request for record n failed (virtio-blk's
 *                                                  numbers); the guest goes on and tries again
 *   X <vector> <error hex16> <rip hex16>           an exception; the guest halts
 * A line is kept in the control page while it goes out, so a migration resumes in its middle.
 *
 * Command line: seed=N rate=PAGES_PER_S pages=N (a power of two) or mib=RAM, disk=WRITES_PER_S (0:
 * no journal, as without a virtio-blk device); decimal or 0x...
 * The run line for hand use is in boot.S.
 */
#include "guests/tiny/layout.h"
#include "guests/tiny/payload/console.h"
#include "guests/tiny/payload/disk.h"
#include "guests/tiny/payload/ports.h"

_Static_assert(__builtin_offsetof(struct tiny_control, ticks) == TINY_CONTROL_TICKS_OFFSET,
               "boot.S counts ticks here");
_Static_assert(sizeof(struct tiny_control) <= TINY_PAGE_BYTES, "the control block is one page");

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

static void write_page(uint64_t page, uint64_t step) {
  volatile uint64_t* const words = (volatile uint64_t*)(TINY_BASE_GPA + (page << TINY_PAGE_SHIFT));
  uint64_t x = tiny_base_of(control->seed, page, step);
  words[0] = step;
  for (int i = 1; i < 8; ++i) words[i] = x += TINY_WORD_STRIDE;
  /* Eight at a time: the loop's own instructions are a third of the cost under TCG. Words go out in
   * ascending order (volatile), which the examiner relies on for a torn page. */
  for (volatile uint64_t* w = words + 8; w < words + TINY_PAGE_WORDS; w += 8) {
    w[0] = x += TINY_WORD_STRIDE;
    w[1] = x += TINY_WORD_STRIDE;
    w[2] = x += TINY_WORD_STRIDE;
    w[3] = x += TINY_WORD_STRIDE;
    w[4] = x += TINY_WORD_STRIDE;
    w[5] = x += TINY_WORD_STRIDE;
    w[6] = x += TINY_WORD_STRIDE;
    w[7] = x += TINY_WORD_STRIDE;
  }
}

/* IA-PC HPET Specification 1.0a: capabilities and period at 0, enable at 0x10, counter at 0xf0. */
static volatile uint32_t* const hpet = (volatile uint32_t*)0xfed00000;
#define HPET_PERIOD_FS 10000000 /* QEMU's: 10 ns */

static void set_up_clock(void) {
  if (hpet[1] == HPET_PERIOD_FS) hpet[0x10 / 4] = hpet[0x10 / 4] | 1;
}

static uint64_t clock_ns(void) {
  if (hpet[1] != HPET_PERIOD_FS) return control->ticks * (1000000000 / TINY_TICKS_PER_S);
  uint32_t high = 0, low = 0;
  do {
    high = hpet[0xf4 / 4];
    low = hpet[0xf0 / 4];
  } while (high != hpet[0xf4 / 4]);
  return ((uint64_t)high << 32 | low) * 10;
}

static void look_at_clock(void) {
  uint32_t high = 0, low = 0;
  __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high));
  const uint64_t tsc = (uint64_t)high << 32 | low, ns = clock_ns();
  if (tsc < control->clock_tsc || ns < control->clock_ns) {
    control->clock_went_back = control->clock_went_back + 1;
  }
  control->clock_tsc = tsc;
  control->clock_ns = ns;
}

static int page_is(uint64_t page, uint64_t step) {
  const volatile uint64_t* const words =
      (const volatile uint64_t*)(TINY_BASE_GPA + (page << TINY_PAGE_SHIFT));
  uint64_t x = tiny_base_of(control->seed, page, step);
  uint64_t different = words[0] ^ step;
  for (int i = 1; i < 8; ++i) different |= words[i] ^ (x += TINY_WORD_STRIDE);
  for (const volatile uint64_t* w = words + 8; w < words + TINY_PAGE_WORDS; w += 8) {
    different |= w[0] ^ (x += TINY_WORD_STRIDE);
    different |= w[1] ^ (x += TINY_WORD_STRIDE);
    different |= w[2] ^ (x += TINY_WORD_STRIDE);
    different |= w[3] ^ (x += TINY_WORD_STRIDE);
    different |= w[4] ^ (x += TINY_WORD_STRIDE);
    different |= w[5] ^ (x += TINY_WORD_STRIDE);
    different |= w[6] ^ (x += TINY_WORD_STRIDE);
    different |= w[7] ^ (x += TINY_WORD_STRIDE);
  }
  return different == 0;
}

static void report_wrong_page(uint64_t page, uint64_t expected_step, uint64_t at_step) {
  control->self_check_failures = control->self_check_failures + 1;
  control->failed_page = page;
  control->failed_expected_step = expected_step;
  control->failed_at_step = at_step;
  line_begin('E');
  line_number(page);
  line_digits(expected_step, 16);
  line_digits(at_step, 16);
  line_send();
}

/* Leaves writes_per_s at 0, and with it the journal closed, when there is no disk that can hold it.
 */
static void open_journal(uint64_t writes_per_s) {
  volatile struct tiny_journal* const journal = &control->journal;
  if (writes_per_s == 0) return;
  const uint64_t io_base = pci_find(DISK_DEVICE_AND_VENDOR);
  if (io_base == 0) return;
  journal->queue_entries = disk_set_up((uint16_t)io_base);
  journal->io_base = io_base;
  if (journal->queue_entries != 0) journal->writes_per_s = writes_per_s;
}

static void issue_record(void) {
  volatile struct tiny_journal* const journal = &control->journal;
  const uint64_t number = journal->ack_count + 1;
  journal->issued_step = control->step_done;
  journal->issued = number;
  tiny_fill_sector(disk_sector, control->seed, number, journal->issued_step);
  journal->phase = TINY_JOURNAL_WRITING;
  disk_submit(VIRTIO_BLK_WRITE, tiny_slot_of(number));
}

/* Written ahead like record(). The phase ends last: while it lasts, one more record than those
 * acknowledged may be on disk. */
static void acknowledge_record(void) {
  volatile struct tiny_journal* const journal = &control->journal;
  const uint64_t count = journal->ack_count;
  const uint64_t link = tiny_next_link(journal->ack[count & 1].link, disk_sector[TINY_SECTOR_HASH]);
  line_begin('D');
  line_number(count + 1);
  line_digits(journal->issued_step, 16);
  line_digits(link, 16);
  journal->ack[(count + 1) & 1].step = journal->issued_step;
  journal->ack[(count + 1) & 1].link = link;
  journal->ack_count = count + 1;
  line_send();
  journal->acks_emitted = count + 1;
  journal->phase = TINY_JOURNAL_IDLE;
}

static void report_failed_request(uint64_t type, uint64_t status) {
  volatile struct tiny_journal* const journal = &control->journal;
  journal->errors = journal->errors + 1;
  journal->retry_at = control->ticks_handled + TINY_JOURNAL_RETRY_TICKS;
  journal->phase = TINY_JOURNAL_FAILED;
  line_begin('F');
  line_number(journal->issued);
  line_digits(journal->issued_step, 16);
  line_number(type);
  line_number(status);
  line_send();
}

/* Looks once at what the disk has done and gives it what is due; never waits for it. */
static void keep_journal(uint64_t ticks) {
  volatile struct tiny_journal* const journal = &control->journal;
  if (journal->writes_per_s == 0) return;
  /* At most two records fall due while the disk is slow: it is no debt to be paid in a burst. */
  const uint64_t fraction = journal->fraction + ticks * journal->writes_per_s;
  journal->fraction = fraction < 2 * TINY_TICKS_PER_S ? fraction : 2 * TINY_TICKS_PER_S;
  const uint64_t phase = journal->phase;
  if (phase == TINY_JOURNAL_WRITING || phase == TINY_JOURNAL_FLUSHING) {
    if (!disk_is_done()) return;
    const uint8_t status = disk_status();
    const int writing = phase == TINY_JOURNAL_WRITING;
    if (status != VIRTIO_BLK_OK) {
      report_failed_request(writing ? VIRTIO_BLK_WRITE : VIRTIO_BLK_FLUSH, status);
    } else if (writing) {
      journal->phase = TINY_JOURNAL_FLUSHING;
      disk_submit(VIRTIO_BLK_FLUSH, 0);
    } else {
      acknowledge_record();
    }
  }
  if (journal->phase == TINY_JOURNAL_FAILED && control->ticks_handled >= journal->retry_at) {
    journal->phase = TINY_JOURNAL_WRITING;
    disk_submit(VIRTIO_BLK_WRITE, tiny_slot_of(journal->issued));
  }
  if (journal->phase == TINY_JOURNAL_IDLE && journal->fraction >= TINY_TICKS_PER_S) {
    journal->fraction = journal->fraction - TINY_TICKS_PER_S;
    issue_record();
  }
}

static void make_step(void) {
  const uint64_t step = control->step_done + 1;
  const uint64_t page = tiny_page_of(control->seed, control->pages, step);
  const uint64_t before = tiny_last_step(control->seed, control->pages, step - 1, page);
  control->self_checks = control->self_checks + 1;
  if (!page_is(page, before)) report_wrong_page(page, before, step);
  control->step_started = step;
  write_page(page, step);
  control->step_done = step;
}

/* Written ahead: see struct tiny_control for what an examiner may conclude. */
static void record(void) {
  const uint64_t count = control->record_count;
  const uint64_t step = control->step_done;
  look_at_clock();
  const uint64_t chain =
      tiny_next_chain(control->seed, control->pages, control->record[count & 1].chain,
                      control->record[count & 1].step, step,
                      control->journal.ack[control->journal.ack_count & 1].link);
  line_begin('S');
  line_digits(step, 16);
  line_digits(chain, 16);
  control->record[(count + 1) & 1].step = step;
  control->record[(count + 1) & 1].chain = chain;
  control->record_count = count + 1;
  line_send();
  control->records_emitted = count + 1;
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
  const uint64_t from_ram = tiny_pages_for(option(text, "mib=", 16) << 20, TINY_DEFAULT_PAGES);
  uint64_t pages = option(text, "pages=", from_ram);
  if (pages > TINY_MAX_PAGES) pages = TINY_MAX_PAGES;
  while ((pages & (pages - 1)) != 0) pages &= pages - 1; /* down to a power of two */
  if (pages == 0) pages = 1;

  for (uint64_t i = 0; i < TINY_PAGE_WORDS; ++i) {
    ((volatile uint64_t*)TINY_CONTROL_GPA)[i] = 0; /* after a reset of the machine, too */
  }
  control->version = TINY_VERSION;
  control->seed = option(text, "seed=", 1);
  control->base_gpa = TINY_BASE_GPA;
  control->pages = pages;
  control->rate_pages_per_s = option(text, "rate=", 4000);
  control->range_count = 1;
  control->range[0].gpa = TINY_BASE_GPA;
  control->range[0].pages = pages;
  control->record[0].chain = tiny_first_chain(control->seed, pages);
  open_journal(option(text, "disk=", TINY_DEFAULT_WRITES_PER_S));
  for (uint64_t page = 0; page < pages; ++page) write_page(page, 0);
  control->magic = TINY_MAGIC;

  line_begin('B');
  line_number(pages);
  line_digits(control->seed, 16);
  line_number(TINY_BASE_GPA);
  line_send();
}

/* Waits until the timer has ticked; returns how many ticks' work is due, at most four. */
static uint64_t wait_for_ticks(void) {
  __asm__ volatile("cli");
  while (control->ticks == control->ticks_handled) {
    __asm__ volatile("sti; hlt; cli" ::
                         : "memory"); /* no gap: sti opens after the next instruction */
  }
  __asm__ volatile("sti");
  const uint64_t now = control->ticks;
  uint64_t due = now - control->ticks_handled;
  if (due > TINY_TICKS_CAUGHT_UP) {
    control->ticks_forgotten = control->ticks_forgotten + due - TINY_TICKS_CAUGHT_UP;
    due = TINY_TICKS_CAUGHT_UP;
  }
  control->ticks_handled = now;
  return due;
}

/* Flattened: in steady state no return address lives on the stack, so a stale stack page cannot
 * send the guest astray before it has reported the pages that are wrong. */
__attribute__((flatten)) static void run(void) {
  for (;;) {
    const uint64_t due = wait_for_ticks();
    const uint64_t work = control->fraction + due * control->rate_pages_per_s;
    control->fraction = work % TINY_TICKS_PER_S;
    control->step_target = control->step_done + work / TINY_TICKS_PER_S;
    while (control->step_done < control->step_target) make_step();
    keep_journal(due);
    if (control->ticks_handled - control->ticks_at_record < TINY_TICKS_PER_RECORD) continue;
    control->ticks_at_record = control->ticks_handled;
    if (control->step_done != control->record[control->record_count & 1].step) record();
  }
}

void tiny_main(const struct start_info* info) {
  boot(info);
  set_up_interrupts();
  set_up_clock();
  run();
}
