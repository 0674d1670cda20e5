/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The classes of ways round the fence, a file each. Included where a table of them is made, with
 * CLASS(NAME) defined; hence no guard.
 */
CLASS(addresses)
CLASS(connectless)
CLASS(tree)
CLASS(file_identity)
CLASS(exec_identity)
