// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The one object that is loaded: all programs in one translation unit, so that they share the maps
 * without a linker. (That of libbpf 1.1 refuses a kernel function that two objects call.)
 */
#include "tag.bpf.c"
#include "enter.bpf.c"
#include "late.bpf.c"
#include "note.bpf.c"
#include "processes.bpf.c"
#include "net.bpf.c"
#include "file.bpf.c"
#include "beneath.bpf.c"
#include "exec.bpf.c"
#include "ipc.bpf.c"
#include "behalf.bpf.c"
#include "guard.bpf.c"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
