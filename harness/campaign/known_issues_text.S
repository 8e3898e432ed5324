/* Puts known-issues.json of the source tree into the program as bytes: the list that came with it. */
  .section .rodata
  .globl migfuzz_known_issues_begin
  .globl migfuzz_known_issues_end
migfuzz_known_issues_begin:
  .incbin MIGFUZZ_KNOWN_ISSUES
migfuzz_known_issues_end:
  .byte 0  /* the end label needs a home of its own */

  .section .note.GNU-stack, "", @progbits
