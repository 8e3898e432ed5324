/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where the control block is, and the debug console. Included once, by main.c: the payload is a
 * single translation unit, so that run() can be flattened.
 */
#ifndef MIGFUZZ_GUESTS_TINY_PAYLOAD_CONSOLE_H_
#define MIGFUZZ_GUESTS_TINY_PAYLOAD_CONSOLE_H_

#include "guests/tiny/layout.h"
#include "guests/tiny/payload/ports.h"

#define DEBUG_PORT 0xe9

/* volatile: each store must happen, and in this order, for an examiner may look at any moment. */
static volatile struct form_control* const control =
    (volatile struct form_control*)TINY_CONTROL_GPA;

/* One string instruction: its state is in registers and in the control page, so it goes on at the
 * next byte wherever the guest runs next. */
static void emit(const volatile char* from, uint64_t count) {
  __asm__ volatile("cld; rep outsb" : "+S"(from), "+c"(count) : "d"(DEBUG_PORT) : "memory");
}

#endif /* MIGFUZZ_GUESTS_TINY_PAYLOAD_CONSOLE_H_ */
