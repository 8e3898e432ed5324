/* Puts the finished payload into the harness as bytes: migfuzz_tiny_elf_begin .. _end.
 * Why an assembler: .incbin is exact and instant, where an array in C costs seconds to compile.
 * payload.cmake builds the ELF and passes its path as MIGFUZZ_TINY_ELF.
 */
  .section .rodata
  .balign 16
  .globl migfuzz_tiny_elf_begin
  .globl migfuzz_tiny_elf_end
migfuzz_tiny_elf_begin:
  .incbin MIGFUZZ_TINY_ELF
migfuzz_tiny_elf_end:
  .byte 0  /* the end label needs a home of its own */

  .section .note.GNU-stack, "", @progbits
