/* Puts reproduce.py, the template of the stand-alone scripts, into the program as bytes. */
  .section .rodata
  .globl migfuzz_reproduce_begin
  .globl migfuzz_reproduce_end
migfuzz_reproduce_begin:
  .incbin MIGFUZZ_REPRODUCE
migfuzz_reproduce_end:
  .byte 0  /* the end label needs a home of its own */

  .section .note.GNU-stack, "", @progbits
