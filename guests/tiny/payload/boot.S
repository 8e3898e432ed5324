/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The way from the PVH entry (32-bit, flat, paging off, %ebx = struct hvm_start_info) into
 * 64-bit C: cleared .bss, an identity map of the first GiB in 2 MiB pages plus the local APIC's,
 * and the interrupt entries. The start state is that of Xen's docs/misc/pvh.pandoc; the note below
 * is how QEMU's loader finds the entry (XEN_ELFNOTE_PHYS32_ENTRY; it reads eight bytes for ELF64).
 *
 * The timer's entry does the least: count and acknowledge. All work is done in main.c with
 * interrupts open, so a stop can fall between any two instructions there.
 *
 * By hand:
 *   qemu-system-x86_64 -M pc -accel tcg -m 16392K -nodefaults -display none -vga none \
 *     -chardev stdio,id=dbg -device isa-debugcon,iobase=0xe9,chardev=dbg \
 *     -blockdev driver=file,filename=disk.raw,node-name=d -device virtio-blk-pci,drive=d \
 *     -kernel tiny.elf -append "seed=1 rate=4000 mib=16 disk=200"
 * with a disk.raw of 1 MiB; without the line of the disk there is no journal.
 */
#include "guests/tiny/layout.h"

#define CODE_SELECTOR 0x08
#define DATA_SELECTOR 0x10

  .section .note.pvh, "a", @note
  .balign 4
  .long 4
  .long 8
  .long 18
  .asciz "Xen"
  .quad tiny_entry

  .section .head.text, "ax"
  .code32
  .globl tiny_entry
tiny_entry:
  cli
  cld
  mov %ebx, %esi
  mov $__bss_start, %edi
  mov $__bss_end, %ecx
  sub %edi, %ecx
  xor %eax, %eax
  rep stosb

  /* PML4[0] -> pdpt; pdpt[0] -> the first GiB; pdpt[3] -> the GiB of the local APIC. */
  movl $(pdpt + 3), pml4
  movl $(pd_low + 3), pdpt
  movl $(pd_apic + 3), pdpt + 3 * 8
  mov $pd_low, %edi
  mov $0x83, %eax               /* present, writable, 2 MiB */
  mov $512, %ecx
1:
  mov %eax, (%edi)
  add $0x200000, %eax
  add $8, %edi
  loop 1b
  movl $(0xfec00000 + 0x9b), pd_apic + 502 * 8  /* the HPET's */
  movl $(0xfee00000 + 0x9b), pd_apic + 503 * 8  /* uncached: 503 = (0xfee00000 >> 21) % 512 */

  mov $pml4, %eax
  mov %eax, %cr3
  mov %cr4, %eax
  or $0x20, %eax                /* PAE */
  mov %eax, %cr4
  mov $0xc0000080, %ecx         /* EFER.LME */
  rdmsr
  or $0x100, %eax
  wrmsr
  mov %cr0, %eax
  or $0x80000001, %eax
  mov %eax, %cr0
  lgdt gdt_pointer
  ljmp $CODE_SELECTOR, $long_mode

  .code64
long_mode:
  mov $DATA_SELECTOR, %eax
  mov %eax, %ds
  mov %eax, %es
  mov %eax, %ss
  xor %eax, %eax
  mov %eax, %fs
  mov %eax, %gs
  mov $stack_top, %esp
  mov %esi, %edi
  call tiny_main
2:
  cli
  hlt
  jmp 2b

  .text
  .globl tiny_on_timer
tiny_on_timer:
  push %rax
  incq TINY_CONTROL_GPA + FORM_CONTROL_TICKS_OFFSET
  mov $0x20, %al
  outb %al, $0x20
  pop %rax
  iretq

  .globl tiny_on_stray
tiny_on_stray:
  iretq

  /* Exceptions: one stub of 16 bytes for each vector. Those without an error code push a zero. */
  .balign 16
  .globl tiny_exception_stubs
tiny_exception_stubs:
  .set vector, 0
  .rept 32
  .balign 16
  .if !((vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30))
  pushq $0
  .endif
  pushq $vector
  jmp exception
  .set vector, vector + 1
  .endr
exception:
  pop %rdi                      /* vector */
  pop %rsi                      /* error code */
  mov (%rsp), %rdx              /* rip */
  cld
  and $-16, %rsp
  call tiny_on_exception
3:
  cli
  hlt
  jmp 3b

  .section .rodata
  .balign 8
gdt:
  .quad 0
  .quad 0x00af9b000000ffff      /* 64-bit code */
  .quad 0x00cf93000000ffff      /* data */
gdt_pointer:
  .word 23
  .long gdt

  .bss
  .balign 4096
pml4:
  .skip 4096
pdpt:
  .skip 4096
pd_low:
  .skip 4096
pd_apic:
  .skip 4096
  .skip 4096
stack_top:

  .section .note.GNU-stack, "", @progbits
