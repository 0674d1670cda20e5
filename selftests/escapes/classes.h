/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The classes of ways round the fence, a file each. Included where a table of them is made, with
 * CLASS(NAME) defined; hence no guard.
 */
CLASS(addresses)
CLASS(connectless)
CLASS(inherited_sockets)
CLASS(unix_sockets)
CLASS(io_uring)
CLASS(handoff)
CLASS(behalf)
CLASS(rewritten)
CLASS(iptables)
CLASS(sctp)
CLASS(raw_sockets)
CLASS(tree)
CLASS(file_identity)
CLASS(file_operations)
CLASS(exec_identity)
CLASS(mounts)
CLASS(code)
CLASS(tampering)
CLASS(kernel)
