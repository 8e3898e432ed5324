/* Puts docs/faults.md into the program, so that `migfuzz list faults NAME` says what it says. */
  .section .rodata
  .globl migfuzz_faults_begin
  .globl migfuzz_faults_end
migfuzz_faults_begin:
  .incbin MIGFUZZ_FAULTS
migfuzz_faults_end:
  .byte 0  /* the end label needs a home of its own */

  .section .note.GNU-stack, "", @progbits
