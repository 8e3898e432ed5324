// Where the threads of a process stand: for the evidence of a case in which one hangs.
//
// Of each thread: what the kernel says (state, what it waits for, the system call it is in; from
// /proc), and its frames (libdw: the process is stopped with ptrace for some milliseconds and runs
// on). Function names are as good as the binary's symbols: of a stripped one, those it exports;
// with its debug symbols installed (qemu-system-x86-dbgsym), all.
#pragma once

#include <sys/types.h>

#include <string>

namespace migfuzz::io {

/// One paragraph a thread, the main thread first. Never throws: what could not be read is said in
/// its place. The frames are left out when a thread is in an uninterruptible wait (state D), which
/// nobody can stop; such a process is exactly one that hangs. Takes 5 s at most.
std::string stacks_of(pid_t process);

}  // namespace migfuzz::io
