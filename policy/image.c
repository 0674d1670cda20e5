/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An image is trusted after image_verify() only so far that nothing outside it is read:
 * lsm/decide.h checks every offset against its size.
 */
#include "image.h"

#include <string.h>

#define V4_BITS 32
#define V4_INDEX_BITS_MAX 16
#define ERRNO_MAX 4095			/* the kernel's MAX_ERRNO */

/* --- verification --------------------------------------------------------------------------- */

/* Entries of @size bytes each, all in the image and none across two chunks; an empty table has no
 * place. */
static bool table_sound(const struct ruleset *head, struct table table, size_t size)
{
	if (!table.count)
		return !table.off;
	return table.off >= sizeof(*head) && table.off % size == 0 &&
	       table.off + (uint64_t)table.count * size <= head->size;
}

static bool hash_sound(const struct ruleset *head, struct table table, size_t size)
{
	return table_sound(head, table, size) && !(table.count & (table.count - 1));
}

static bool header_sound(const struct ruleset *head)
{
	for (int object = 0; object < CLASS_COUNT; object++)
		if (head->defaults[object] > VERDICT_DENY)
			return false;
	return head->rules_said <= head->rules.count && (head->mode == MODE_AUDIT || head->mode == MODE_ENFORCE) &&
	       head->deny_unrecorded <= 1 && head->record <= RECORDING_ALL &&
	       head->tag[0] && memchr(head->tag, '\0', sizeof(head->tag));
}

static bool nets_sound(const struct ruleset *head)
{
	uint32_t index_bits = V4_BITS - head->v4_shift;

	if (!table_sound(head, head->v4_index, sizeof(uint32_t)) ||
	    !table_sound(head, head->v4_start, sizeof(uint32_t)) ||
	    !table_sound(head, head->v4_map, sizeof(uint32_t)) ||
	    !table_sound(head, head->v6_start, sizeof(struct v6_start)) ||
	    !table_sound(head, head->v6_map, sizeof(uint32_t)) ||
	    !table_sound(head, head->port_maps, sizeof(struct port_map)) ||
	    !table_sound(head, head->port_starts, sizeof(uint32_t)))
		return false;
	if (head->v4_start.count > SEARCH_MAX || head->v4_map.count != head->v4_start.count ||
	    head->v6_start.count > SEARCH_MAX || head->v6_map.count != head->v6_start.count)
		return false;
	if (!head->v4_start.count)
		return !head->v4_index.count && head->v4_shift == V4_BITS;
	return index_bits <= V4_INDEX_BITS_MAX && head->v4_index.count == (1u << index_bits) + 1;
}

static bool paths_sound(const struct ruleset *head)
{
	for (int object = 0; object < CLASS_COUNT; object++) {
		if (!hash_sound(head, head->paths[object], sizeof(struct path_entry)) ||
		    !hash_sound(head, head->inodes[object], sizeof(struct inode_entry)))
			return false;
		if (head->inodes[object].count && !head->paths[object].count)
			return false;
	}
	return !head->paths[CLASS_NET].count;
}

/* The strings begin with "", and the last one ends. */
static bool strings_sound(const struct ruleset *head)
{
	const char *strings = (const char *)head + head->strings.off;
	uint32_t count = head->strings.count;

	return table_sound(head, head->strings, 1) && count && head->strings.off % 8 == 0 &&
	       count % 8 == 0 && !strings[0] && !strings[count - 1];
}

static bool rules_sound(const struct ruleset *head)
{
	const struct rule *rules;

	if (!table_sound(head, head->rules, sizeof(struct rule)) ||
	    head->rules.count > RULE_COUNT_MAX)
		return false;
	rules = (const struct rule *)((const char *)head + head->rules.off);
	for (uint32_t i = 0; i < head->rules.count; i++) {
		const struct rule *rule = &rules[i];

		if (rule->verdict > VERDICT_DENY || rule->err >= 0 || rule->err < -ERRNO_MAX ||
		    rule->service >= head->strings.count || rule->why >= head->strings.count ||
		    rule->name >= head->strings.count || rule->where >= head->strings.count)
			return false;
	}
	return true;
}

static bool names_sound(const struct ruleset *head, struct table table)
{
	const uint32_t *names = (const uint32_t *)((const char *)head + table.off);

	if (!table_sound(head, table, sizeof(*names)))
		return false;
	for (uint32_t i = 0; i < table.count; i++)
		if (names[i] >= head->strings.count)
			return false;
	return true;
}

static bool waivers_sound(const struct ruleset *head)
{
	const struct waiver *waivers = (const struct waiver *)((const char *)head + head->waivers.off);

	if (!table_sound(head, head->waivers, sizeof(*waivers)) || head->waivers.count > WAIVERS_MAX)
		return false;
	for (uint32_t i = 0; i < head->waivers.count; i++)
		if (waivers[i].rule >= head->rules.count || waivers[i].service >= head->strings.count ||
		    waivers[i].owner >= head->strings.count ||
		    (uint64_t)waivers[i].exec + waivers[i].length >= head->strings.count)
			return false;
	return true;
}

static bool needs_sound(const struct ruleset *head)
{
	const struct need *needs = (const struct need *)((const char *)head + head->needs.off);
	uint32_t end = head->strings.count;

	if (!table_sound(head, head->needs, sizeof(*needs)))
		return false;
	for (uint32_t i = 0; i < head->needs.count; i++)
		if (needs[i].service >= end || needs[i].needs >= end || needs[i].where >= end)
			return false;
	return true;
}

int image_verify(const void *data, size_t size)
{
	const struct ruleset *head = data;

	if (size < sizeof(*head) || (uintptr_t)data % _Alignof(struct ruleset))
		return -EBADMSG;
	if (head->magic != RULESET_MAGIC || head->version != ABI_VERSION || head->size != size ||
	    size > RULESET_MAX || size % RULESET_CHUNK)
		return -EBADMSG;
	if (!header_sound(head) || !nets_sound(head) || !paths_sound(head) ||
	    !strings_sound(head) || !rules_sound(head) || !names_sound(head, head->users) ||
	    !names_sound(head, head->groups) || !names_sound(head, head->enter_execs) ||
	    !names_sound(head, head->enter_cgroups) || !waivers_sound(head) || !needs_sound(head))
		return -EBADMSG;
	return 0;
}

/* --- reading -------------------------------------------------------------------------------- */

const struct rule *image_rule(const struct ruleset *image, uint16_t number)
{
	struct rules rules = { .head = image };

	if (number >= RULE_SPECIAL || number >= image->rules.count)
		return NULL;
	return image_entry(&rules, image->rules, number, struct rule);
}

const char *image_string(const struct ruleset *image, uint32_t offset)
{
	if (offset >= image->strings.count)
		return "";
	return (const char *)image + image->strings.off + offset;
}

const char *image_name(const struct ruleset *image, struct table table, uint32_t number)
{
	const uint32_t *names = (const uint32_t *)((const char *)image + table.off);

	return number < table.count ? image_string(image, names[number]) : NULL;
}

const struct waiver *image_waiver(const struct ruleset *image, uint16_t rule)
{
	const struct waiver *waivers = (const struct waiver *)((const char *)image + image->waivers.off);

	for (uint32_t i = 0; i < image->waivers.count; i++)
		if (waivers[i].rule == rule)
			return &waivers[i];
	return NULL;
}

const struct waiver *image_waiver_at(const struct ruleset *image, uint32_t number)
{
	const struct waiver *waivers = (const struct waiver *)((const char *)image + image->waivers.off);

	return number < image->waivers.count ? &waivers[number] : NULL;
}

uint32_t image_waivers_of(const struct ruleset *image, const char *program)
{
	const struct waiver *waivers = (const struct waiver *)((const char *)image + image->waivers.off);
	uint32_t found = 0;

	for (uint32_t i = 0; i < image->waivers.count; i++)
		found |= (uint32_t)!strcmp(image_string(image, waivers[i].exec), program) << i;
	return found;
}

bool image_waive(const struct ruleset *image, uint32_t waived, uint64_t now_ns, struct decision *decision)
{
	struct rules rules = { .head = image };

	return decide_waiver(&rules, decision, waived, now_ns);
}

const char *image_recording(const struct ruleset *image, enum mode mode)
{
	switch (recording_in(image, mode == MODE_POLICY ? (enum mode)image->mode : mode)) {
	case RECORDING_ALL:
		return "all";
	case RECORDING_MATCHED:
		return "matched";
	default:
		return "denied";
	}
}

bool image_need(const struct ruleset *image, uint32_t number, struct image_need *ret_need)
{
	const struct need *needs = (const struct need *)((const char *)image + image->needs.off);

	if (number >= image->needs.count)
		return false;
	*ret_need = (struct image_need){
		.service = image_string(image, needs[number].service),
		.needs = image_string(image, needs[number].needs),
		.where = image_string(image, needs[number].where),
	};
	return true;
}

const char *image_needs(const struct ruleset *image, const char *service, uint32_t number, const char **ret_where)
{
	struct image_need need;

	for (uint32_t i = 0; image_need(image, i, &need); i++) {
		if (strcmp(need.service, service) || number--)
			continue;
		if (ret_where)
			*ret_where = need.where;
		return need.needs;
	}
	return NULL;
}

const struct path_entry *image_path(const struct ruleset *image, enum object_class object,
				    const char *path, uint32_t kind)
{
	const char *base = (const char *)image;
	const struct path_entry *table = (const struct path_entry *)(base + image->paths[object].off);
	uint32_t count = image->paths[object].count;
	__u64 hash = path_hash_begin(object);

	for (const char *at = path; *at; at++)
		hash = path_hash_step(hash, *at);
	hash = path_hash_end(hash, kind);
	for (uint32_t i = 0; i < HASH_PROBES && i < count; i++) {
		const struct path_entry *entry = &table[(HASH_SLOT(hash, count) + i) & (count - 1)];

		if (!entry->hash)
			return NULL;
		if (entry->hash == hash && (entry->kind & PATH_KINDS) == kind &&
		    !strcmp(image_string(image, entry->string), path))
			return entry;
	}
	return NULL;
}

static __u64 read_be64(const uint8_t *bytes)
{
	__u64 value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

struct decision image_decide_net(const struct ruleset *image, const uint8_t addr[16],
				 uint16_t port, enum protocol proto)
{
	struct rules rules = { .head = image };
	struct endpoint endpoint = {
		.hi = read_be64(addr),
		.lo = read_be64(addr + 8),
		.port = port,
		.proto = proto,
	};

	endpoint_normalise(&endpoint);
	return decide_net(&rules, &endpoint);
}

/* What the kernel cannot tell either is doubt, unless the policy has no paths to mistake it for. */
struct decision image_decide_path(const struct ruleset *image, enum object_class object,
				  uint8_t access, const char *path, const struct inode_id *chain,
				  size_t chain_count)
{
	struct rules rules = { .head = image };
	struct path_object judged;
	size_t length = strlen(path);

	if (length >= PATH_LENGTH_MAX || chain_count > DENTRY_DEPTH_MAX)
		return image->said[object] & access ? decision_doubt(RULE_UNRESOLVED) :
			decision_of_rule(&rules, object, RULE_DEFAULT);
	path_ask(&judged, object, access);
	judged.name = NAME_OWN;
	memset(judged.path, 0, sizeof(judged.path));
	memcpy(judged.path, path, length);
	judged.length = (__u32)length;
	for (size_t i = 0; i < chain_count; i++)
		judged.chain[i] = chain[i];
	judged.depth = (__u32)chain_count;
	decide_path(&rules, &judged);
	return judged.outcome;
}

/* As judge_class() in lsm/path.bpf.h does, which asks about one class after the other. */
static struct decision decide_waived(const struct ruleset *image, const struct image_waived *waived,
				     enum object_class object, uint8_t access, const char *path,
				     const struct inode_id *chain, size_t chain_count)
{
	struct decision decision = image_decide_path(image, object, access, path, chain, chain_count);

	image_waive(image, waived->waivers, waived->now_ns, &decision);
	return decision;
}

/* As judge_path() in lsm/path.bpf.h does: the rules of the second class, without its default. */
struct decision image_decide_open_waived(const struct ruleset *image, const struct image_waived *waived,
					 uint8_t access, const char *path, const struct inode_id *chain,
					 size_t chain_count, enum object_class *ret_object)
{
	struct decision file, exec;

	file = decide_waived(image, waived, CLASS_FILE, access, path, chain, chain_count);
	*ret_object = CLASS_FILE;
	if (file.verdict == VERDICT_DENY || !(access & ACCESS_READ))
		return file;
	exec = decide_waived(image, waived, CLASS_EXEC, ACCESS_READ, path, chain, chain_count);
	if (exec.rule == RULE_DEFAULT || exec.verdict <= file.verdict)
		return file;
	*ret_object = CLASS_EXEC;
	return exec;
}

/* As the kernel asks: file_open judges what is opened to be executed as a file, and bprm_check_security as a
 * program (lsm/file.bpf.c, lsm/exec.bpf.c). */
struct decision image_decide_exec_waived(const struct ruleset *image, const struct image_waived *waived,
					 const char *path, const struct inode_id *chain,
					 size_t chain_count, enum object_class *ret_object)
{
	struct decision file = decide_waived(image, waived, CLASS_FILE, ACCESS_READ, path, chain, chain_count);
	struct decision exec = decide_waived(image, waived, CLASS_EXEC, ACCESS_READ, path, chain, chain_count);
	bool by_file = file.verdict == VERDICT_DENY || file.verdict > exec.verdict;

	*ret_object = by_file ? CLASS_FILE : CLASS_EXEC;
	return by_file ? file : exec;
}

static const struct image_waived nothing_waived;

struct decision image_decide_open(const struct ruleset *image, uint8_t access, const char *path,
				  const struct inode_id *chain, size_t chain_count,
				  enum object_class *ret_object)
{
	return image_decide_open_waived(image, &nothing_waived, access, path, chain, chain_count, ret_object);
}

struct decision image_decide_exec(const struct ruleset *image, const char *path,
				  const struct inode_id *chain, size_t chain_count,
				  enum object_class *ret_object)
{
	return image_decide_exec_waived(image, &nothing_waived, path, chain, chain_count, ret_object);
}
