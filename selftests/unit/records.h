/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records as the kernel programs submit them, for tests of what reads them. A record is built in a
 * static buffer, and good until the next one.
 */
#pragma once

#include <stdint.h>
#include <string.h>

#include "lsm/abi.h"
#include "userspace/runs/run_id.h"

#define RECORD_BYTES (sizeof(struct record) + RECORD_TEXT_MAX)
/* 2027-03-31 14:23:55, "20270331-142355-9f03ac" */
#define TEST_RUN (UINT64_C(1806503035) << RUN_RANDOM_BITS | 0x9f03ac)

static inline struct record *record_new(enum record_kind kind, uint32_t pid, uint64_t start)
{
	static _Alignas(8) char buf[RECORD_BYTES];
	struct record *record = (struct record *)buf;

	memset(buf, 0, sizeof(buf));
	record->version = ABI_VERSION;
	record->kind = kind;
	record->size = sizeof(*record);
	record->time_ns = 1000000000;
	record->run = TEST_RUN;
	record->process = (struct process_id){ .pid = pid, .start_ns = start };
	record->tid = pid;
	memcpy(record->comm, "test", 5);
	return record;
}

static inline void record_text(struct record *record, const void *text, size_t size)
{
	memcpy(record->text, text, size);
	record->text_size = size;
	record->size = sizeof(*record) + size;
}

static inline struct record *record_fork(uint32_t pid, uint64_t start, uint32_t parent,
					 uint64_t parent_start)
{
	struct record *record = record_new(RECORD_FORK, pid, start);

	record->parent = (struct process_id){ .pid = parent, .start_ns = parent_start };
	return record;
}

/* @text: a string literal with the executable, \0, and each argument but the last with its \0. */
#define record_exec(pid, start, text) record_exec_bytes(pid, start, text, sizeof(text))

static inline struct record *record_exec_bytes(uint32_t pid, uint64_t start, const void *text,
					       size_t size)
{
	struct record *record = record_new(RECORD_EXEC, pid, start);

	record_text(record, text, size);
	return record;
}

static inline struct record *record_exit(uint32_t pid, uint64_t start)
{
	return record_new(RECORD_EXIT, pid, start);
}

static inline struct record *record_decision(uint32_t pid, uint64_t start)
{
	struct record *record = record_new(RECORD_DECISION, pid, start);

	record->verdict = VERDICT_DENY;
	record->flags = RECORD_ENFORCED;
	record->err = -1;
	record->generation = 7;
	return record;
}
