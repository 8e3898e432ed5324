/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What every guest does, whatever it runs on: rewrites its pages by the closed form, checks each
 * before it overwrites it, keeps the journal and tells of all that. Included once by a payload's
 * only translation unit, C17 or C++20, behind what the payload provides:
 *
 *   control                       the control block (form.h), a pointer to volatile
 *   page_words(page)              where that owned page is mapped
 *   emit(from, count)             bytes to the debug console, in order, before the next step
 *   clock_ns()                    a clock of the guest that never goes back
 *   disk_submit(type, sector), disk_is_done(), disk_status(), disk_sector
 *                                 one request under way; never waits
 *
 * Lines on the debug console, hexadecimal without prefix (hex16: sixteen digits):
 *   B <pages> <seed hex16> <base gpa>              once, when every page has its step-0 content
 *   S <step hex16> <chain hex16>                   every 4 ticks, if steps were made since
 *   E <page> <expected step hex16> <at step hex16> a page that was wrong, once; the guest goes on
 *   D <n> <step hex16> <link hex16>                record n, issued at that step, is on the disk
 *   F <n> <step hex16> <type> <status>             a request for record n failed (virtio-blk's
 *                                                  numbers); the guest goes on and tries again
 *   N <n> <step hex16>                             it has seen that it was told n times of a
 *                                                  migration; what it would prepare, it has
 * A line is kept in the control page while it goes out, so a migration resumes in its middle.
 */
#ifndef MIGFUZZ_GUESTS_CLOSED_FORM_ENGINE_H_
#define MIGFUZZ_GUESTS_CLOSED_FORM_ENGINE_H_

#include "guests/closed_form/form.h"

static void barrier(void) { __asm__ volatile("" ::: "memory"); }

/* One line is built in the control page, then sent by a single string instruction: its state is in
 * registers and in the page, so it goes on at the next byte wherever the guest runs next. */
static void line_add(char c) {
  const uint64_t at = control->line_bytes;
  if (at < FORM_LINE_BYTES_MAX) {
    control->line[at] = c;
    control->line_bytes = at + 1;
  }
}

static void line_begin(char kind) {
  control->line_bytes = 0;
  line_add(kind);
}

static void line_digits(uint64_t value, int digits) {
  line_add(' ');
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
    line_add("0123456789abcdef"[(value >> shift) & 15]);
  }
}

static void line_number(uint64_t value) {
  int digits = 1;
  while (digits < 16 && value >> (4 * digits) != 0) ++digits;
  line_digits(value, digits);
}

static void line_send(void) {
  line_add('\n');
  barrier();
  emit(control->line, control->line_bytes);
}

/* Before the first page is written; `base_gpa` as in model.h. */
static void form_begin(uint64_t seed, uint64_t pages, uint64_t rate_pages_per_s,
                       uint64_t base_gpa) {
  control->version = FORM_VERSION;
  control->seed = seed;
  control->base_gpa = base_gpa;
  control->pages = pages;
  control->rate_pages_per_s = rate_pages_per_s;
  control->record[0].chain = form_first_chain(seed, pages);
}

static void write_page(uint64_t page, uint64_t step) {
  volatile uint64_t* const words = page_words(page);
  uint64_t x = form_base_of(control->seed, page, step);
  words[0] = step;
  for (int i = 1; i < 8; ++i) words[i] = x += FORM_WORD_STRIDE;
  /* Eight at a time: the loop's own instructions are a third of the cost under TCG. Words go out in
   * ascending order (volatile), which the examiner relies on for a torn page. */
  for (volatile uint64_t* w = words + 8; w < words + FORM_PAGE_WORDS; w += 8) {
    w[0] = x += FORM_WORD_STRIDE;
    w[1] = x += FORM_WORD_STRIDE;
    w[2] = x += FORM_WORD_STRIDE;
    w[3] = x += FORM_WORD_STRIDE;
    w[4] = x += FORM_WORD_STRIDE;
    w[5] = x += FORM_WORD_STRIDE;
    w[6] = x += FORM_WORD_STRIDE;
    w[7] = x += FORM_WORD_STRIDE;
  }
}

/* Gives every page its step-0 content, and says that the guest is there. */
static void form_boot(void) {
  for (uint64_t page = 0; page < control->pages; ++page) write_page(page, 0);
  control->magic = FORM_MAGIC;
  line_begin('B');
  line_number(control->pages);
  line_digits(control->seed, 16);
  line_number(control->base_gpa);
  line_send();
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
  const volatile uint64_t* const words = page_words(page);
  uint64_t x = form_base_of(control->seed, page, step);
  uint64_t different = words[0] ^ step;
  for (int i = 1; i < 8; ++i) different |= words[i] ^ (x += FORM_WORD_STRIDE);
  for (const volatile uint64_t* w = words + 8; w < words + FORM_PAGE_WORDS; w += 8) {
    different |= w[0] ^ (x += FORM_WORD_STRIDE);
    different |= w[1] ^ (x += FORM_WORD_STRIDE);
    different |= w[2] ^ (x += FORM_WORD_STRIDE);
    different |= w[3] ^ (x += FORM_WORD_STRIDE);
    different |= w[4] ^ (x += FORM_WORD_STRIDE);
    different |= w[5] ^ (x += FORM_WORD_STRIDE);
    different |= w[6] ^ (x += FORM_WORD_STRIDE);
    different |= w[7] ^ (x += FORM_WORD_STRIDE);
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

static void issue_record(void) {
  volatile struct form_journal* const journal = &control->journal;
  const uint64_t number = journal->ack_count + 1;
  journal->issued_step = control->step_done;
  journal->issued = number;
  form_fill_sector(disk_sector, control->seed, number, journal->issued_step);
  journal->phase = FORM_JOURNAL_WRITING;
  disk_submit(FORM_DISK_WRITE, form_slot_of(number));
}

/* Written ahead like record(). The phase ends last: while it lasts, one more record than those
 * acknowledged may be on disk. */
static void acknowledge_record(void) {
  volatile struct form_journal* const journal = &control->journal;
  const uint64_t count = journal->ack_count;
  const uint64_t link = form_next_link(journal->ack[count & 1].link, disk_sector[FORM_SECTOR_HASH]);
  line_begin('D');
  line_number(count + 1);
  line_digits(journal->issued_step, 16);
  line_digits(link, 16);
  journal->ack[(count + 1) & 1].step = journal->issued_step;
  journal->ack[(count + 1) & 1].link = link;
  journal->ack_count = count + 1;
  line_send();
  journal->acks_emitted = count + 1;
  journal->phase = FORM_JOURNAL_IDLE;
}

static void report_failed_request(uint64_t type, uint64_t status) {
  volatile struct form_journal* const journal = &control->journal;
  journal->errors = journal->errors + 1;
  journal->retry_at = control->ticks_handled + FORM_JOURNAL_RETRY_TICKS;
  journal->phase = FORM_JOURNAL_FAILED;
  line_begin('F');
  line_number(journal->issued);
  line_digits(journal->issued_step, 16);
  line_number(type);
  line_number(status);
  line_send();
}

/* Looks once at what the disk has done and gives it what is due; never waits for it. */
static void keep_journal(uint64_t ticks) {
  volatile struct form_journal* const journal = &control->journal;
  if (journal->writes_per_s == 0) return;
  /* At most two records fall due while the disk is slow: it is no debt to be paid in a burst. */
  const uint64_t fraction = journal->fraction + ticks * journal->writes_per_s;
  journal->fraction = fraction < 2 * FORM_TICKS_PER_S ? fraction : 2 * FORM_TICKS_PER_S;
  const uint64_t phase = journal->phase;
  if (phase == FORM_JOURNAL_WRITING || phase == FORM_JOURNAL_FLUSHING) {
    if (!disk_is_done()) return;
    const uint8_t status = disk_status();
    const int writing = phase == FORM_JOURNAL_WRITING;
    if (status != FORM_DISK_OK) {
      report_failed_request(writing ? FORM_DISK_WRITE : FORM_DISK_FLUSH, status);
    } else if (writing) {
      journal->phase = FORM_JOURNAL_FLUSHING;
      disk_submit(FORM_DISK_FLUSH, 0);
    } else {
      acknowledge_record();
    }
  }
  if (journal->phase == FORM_JOURNAL_FAILED && control->ticks_handled >= journal->retry_at) {
    journal->phase = FORM_JOURNAL_WRITING;
    disk_submit(FORM_DISK_WRITE, form_slot_of(journal->issued));
  }
  if (journal->phase == FORM_JOURNAL_IDLE && journal->fraction >= FORM_TICKS_PER_S) {
    journal->fraction = journal->fraction - FORM_TICKS_PER_S;
    issue_record();
  }
}

static void answer_notice(void) {
  const uint64_t notice = control->notice;
  if (notice == control->noticed) return;
  control->noticed = notice;
  line_begin('N');
  line_number(notice);
  line_digits(control->step_done, 16);
  line_send();
}

static void make_step(void) {
  const uint64_t step = control->step_done + 1;
  const uint64_t page = form_page_of(control->seed, control->pages, step);
  const uint64_t before = form_last_step(control->seed, control->pages, step - 1, page);
  control->self_checks = control->self_checks + 1;
  if (!page_is(page, before)) report_wrong_page(page, before, step);
  control->step_started = step;
  write_page(page, step);
  control->step_done = step;
}

/* Written ahead: see struct form_control for what an examiner may conclude. */
static void record(void) {
  const uint64_t count = control->record_count;
  const uint64_t step = control->step_done;
  look_at_clock();
  const uint64_t chain =
      form_next_chain(control->seed, control->pages, control->record[count & 1].chain,
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

/* Forgets what a guest that lags cannot catch up with; returns the ticks whose work is due. */
static uint64_t ticks_due(uint64_t now) {
  uint64_t due = now - control->ticks_handled;
  if (due > FORM_TICKS_CAUGHT_UP) {
    control->ticks_forgotten = control->ticks_forgotten + due - FORM_TICKS_CAUGHT_UP;
    due = FORM_TICKS_CAUGHT_UP;
  }
  control->ticks_handled = now;
  return due;
}

/* The work of `due` ticks. */
static void form_turn(uint64_t due) {
  const uint64_t work = control->fraction + due * control->rate_pages_per_s;
  control->fraction = work % FORM_TICKS_PER_S;
  control->step_target = control->step_done + work / FORM_TICKS_PER_S;
  while (control->step_done < control->step_target) make_step();
  keep_journal(due);
  answer_notice();
  if (control->ticks_handled - control->ticks_at_record < FORM_TICKS_PER_RECORD) return;
  control->ticks_at_record = control->ticks_handled;
  if (control->step_done != control->record[control->record_count & 1].step) record();
}

#endif /* MIGFUZZ_GUESTS_CLOSED_FORM_ENGINE_H_ */
