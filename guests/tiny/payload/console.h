/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The control block and the lines that the payload sends to the debug console. Included once, by
 * main.c: the payload is a single translation unit, so that run() can be flattened.
 */
#ifndef MIGFUZZ_GUESTS_TINY_PAYLOAD_CONSOLE_H_
#define MIGFUZZ_GUESTS_TINY_PAYLOAD_CONSOLE_H_

#include "guests/tiny/layout.h"
#include "guests/tiny/payload/ports.h"

#define DEBUG_PORT 0xe9

/* volatile: each store must happen, and in this order, for an examiner may look at any moment. */
static volatile struct tiny_control* const control =
    (volatile struct tiny_control*)TINY_CONTROL_GPA;

static void barrier(void) { __asm__ volatile("" ::: "memory"); }

/* One line is built in the control page, then sent by a single string instruction: its state is in
 * registers and in the page, so it goes on at the next byte wherever the guest runs next. */
static void line_add(char c) {
  const uint64_t at = control->line_bytes;
  if (at < TINY_LINE_BYTES_MAX) {
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
  const volatile char* from = control->line;
  uint64_t count = control->line_bytes;
  __asm__ volatile("cld; rep outsb" : "+S"(from), "+c"(count) : "d"(DEBUG_PORT) : "memory");
}

#endif /* MIGFUZZ_GUESTS_TINY_PAYLOAD_CONSOLE_H_ */
