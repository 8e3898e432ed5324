/* Puts the finished workload into the harness as bytes: migfuzz_linux_workload_begin .. _end.
 * payload.cmake builds it and passes its path as MIGFUZZ_LINUX_WORKLOAD.
 */
  .section .rodata
  .balign 16
  .globl migfuzz_linux_workload_begin
  .globl migfuzz_linux_workload_end
migfuzz_linux_workload_begin:
  .incbin MIGFUZZ_LINUX_WORKLOAD
migfuzz_linux_workload_end:
  .byte 0  /* the end label needs a home of its own */

  .section .note.GNU-stack, "", @progbits
