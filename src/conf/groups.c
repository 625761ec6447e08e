/* groups.c - handlers of addresses, domains and names: from values to the policy's groups.
 *
 * Groups are opened before any value is handled, because rules may name what is written below them.
 * Lists in files go through the same handlers as lists in the configuration.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "conf/build.h"
#include "conf/hints.h"

static const struct {
	const char *name;
	int group;
} builtins[] = {
	{ "any", GROUP_ID_ANY },
	{ "home", GROUP_ID_HOME },
	{ "self", GROUP_ID_SELF },
	{ "servers", GROUP_ID_SERVERS },
};
enum { BUILTIN_COUNT = sizeof(builtins) / sizeof(builtins[0]) };

/* Notes an answer of the policy that is none of the user's mistakes. */
static void accept(struct build *b, int rc)
{
	if (rc == -ENOMEM)
		b->no_memory = true;
}

/* ---- titles ------------------------------------------------------------------------------------ */

static const enum policy_group_kind group_kinds[BLOCK_KINDS] = {
	[BLOCK_UPSTREAM] = GROUP_UPSTREAM,
	[BLOCK_SERVERS] = GROUP_SERVER,
	[BLOCK_NETWORK] = GROUP_NETWORK,
};

static bool names_group(const struct block *block)
{
	return group_kinds[block->kind] != GROUP_ANY;
}

static bool title_is_fine(struct build *b, const struct block *block)
{
	const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	const char *t = block->title, *kind = block_infos[block->kind].name;
	unsigned i;

	if (!isalpha((unsigned char)t[0]) || strspn(t, allowed) != strlen(t) ||
	        strlen(t) >= POLICY_NAME_MAX) {
		build_error(b, &block->at,
		        "\"%s\" cannot be a title; write up to %d letters, digits, . _ and -, a letter first",
		        t, POLICY_NAME_MAX - 1);
		return false;
	}
	for (i = 0; i < BUILTIN_COUNT && names_group(block); i++)
		if (strcmp(t, builtins[i].name) == 0) {
			build_error(b, &block->at,
			        "%s \"%s\" has the name of a built-in group; choose another title", kind, t);
			return false;
		}
	return true;
}

/* An earlier block with the same title, in the same space of names: groups have one, each other kind its own. */
static const struct block *title_taken(const struct build *b, const struct block *block)
{
	const struct block *other;

	for (other = b->parsed->blocks; other < block; other++)
		if (other->title && strcmp(other->title, block->title) == 0 &&
		        (other->kind == block->kind || (names_group(other) && names_group(block))))
			return other;
	return NULL;
}

void group_open_all(struct build *b)
{
	const struct block *other;
	struct block *block;
	size_t i;

	for (i = 0; i < b->parsed->block_count; i++) {
		block = &b->parsed->blocks[i];
		block->group = block->volume = block->suppress = -1;
		if (!block->title || !title_is_fine(b, block))
			continue;
		other = title_taken(b, block);
		if (other) {
			build_error(b, &block->at, "title \"%s\" is taken by %s in %s:%u; choose another one",
			        block->title, block_infos[other->kind].name, other->at.file, other->at.line);
			continue;
		}
		if (block->kind == BLOCK_VOLUME)
			volume_open(b, block);
		if (block->kind == BLOCK_SUPPRESS)
			suppress_open(b, block);
		if (!names_group(block))
			continue;
		block->group = policy_add_group(b->policy, group_kinds[block->kind], block->title);
		accept(b, block->group);
		if (block->group == -ENOSPC)
			build_error(b, &block->at, "more than %d groups; put several into one block",
			        POLICY_GROUPS_MAX);
	}
}

/* ---- addresses ------------------------------------------------------------------------------- */

/* A host's name among the addresses of a block that has a key for names. */
static bool is_name_of_host(const struct build *b, const struct entry *e)
{
	struct domain_forms forms;
	char why[DOMAIN_WHY_MAX];

	return key_find(b->parsed->blocks[e->block].kind, "hosts") && e->text[strcspn(e->text, ".")] &&
	       e->text[strspn(e->text, "0123456789.:/")] && domain_read(e->text, false, &forms, why) == 0;
}

static bool read_prefix(struct build *b, const struct entry *e, struct prefix *out)
{
	char text[PREFIX_TEXT_MAX];
	const char *slash = strchr(e->text, '/');
	int rc = prefix_parse(e->text, out);

	if (rc == 0)
		return true;
	if (rc == -EDOM)
		build_error(b, &e->at,
		        "%s has bits set behind the prefix; write %s, or %.*s for the one host", e->text,
		        prefix_print(out, text), (int)(slash ? slash - e->text : 0), e->text);
	else if (is_name_of_host(b, e))
		build_error(b, &e->at,
		        "\"%s\" is a name, no address; write hosts = { \"%s\" }, or mx-of for a domain whose "
		        "MX "
		        "they are",
		        e->text, e->text);
	else
		build_error(b, &e->at,
		        "\"%s\" is no address or prefix; write one like 192.0.2.1, 192.0.2.0/24 or "
		        "2001:db8::/32",
		        e->text);
	return false;
}

void group_home(struct build *b, struct block *block, const struct entry *e)
{
	struct prefix prefix;

	(void)block;
	if (read_prefix(b, e, &prefix))
		accept(b, policy_add_prefix(b->policy, GROUP_ID_HOME, &prefix));
}

void group_not_home(struct build *b, struct block *block, const struct entry *e)
{
	struct prefix prefix;

	(void)block;
	if (read_prefix(b, e, &prefix))
		accept(b, policy_exclude_home(b->policy, &prefix));
}

static void add_own(struct build *b, const struct prefix *prefix)
{
	if (array_grow(&b->own, b->own_count, sizeof(*b->own)) < 0)
		b->no_memory = true;
	else
		b->own[b->own_count++] = *prefix;
}

void group_address(struct build *b, struct block *block, const struct entry *e)
{
	struct prefix prefix;

	block->address_count++;
	if (!read_prefix(b, e, &prefix) || block->group < 0)
		return;
	if (block->kind == BLOCK_SERVERS)
		add_own(b, &prefix);
	accept(b, policy_add_prefix(b->policy, block->group, &prefix));
	if (block->kind == BLOCK_NETWORK)
		return;
	if (array_grow(&b->claims, b->claim_count, sizeof(struct claim)) < 0)
		b->no_memory = true;
	else
		b->claims[b->claim_count++] = (struct claim) { prefix, e->block, e->at };
}

void group_public(struct build *b, struct block *block, const struct entry *e)
{
	struct prefix prefix;

	if (!read_prefix(b, e, &prefix) || block->group < 0)
		return;
	add_own(b, &prefix);
	accept(b, policy_server_add_public(b->policy, block->group, &prefix));
}

void group_may_relay(struct build *b, struct block *block, const struct entry *e)
{
	struct prefix prefix;

	if (read_prefix(b, e, &prefix) && block->group >= 0)
		accept(b, policy_server_add_may_relay(b->policy, block->group, &prefix));
}

/* ---- names ----------------------------------------------------------------------------------- */

/* Adds both forms of a name, if it is one. */
static void add_name(struct build *b, struct block *block, const struct entry *e, bool subdomains_allowed,
        int (*add)(struct policy *p, int group, const char *name))
{
	struct domain_forms forms;
	char why[DOMAIN_WHY_MAX];

	if (domain_read(e->text, subdomains_allowed, &forms, why) < 0) {
		build_error(b, &e->at, "%s", why);
		return;
	}
	if (block->group < 0)
		return;
	accept(b, add(b->policy, block->group, forms.ascii));
	if (forms.unicode[0])
		accept(b, add(b->policy, block->group, forms.unicode));
}

void group_name(struct build *b, struct block *block, const struct entry *e)
{
	add_name(b, block, e, false, policy_server_add_name);
}

void group_domain(struct build *b, struct block *block, const struct entry *e)
{
	block->domain_count++;
	add_name(b, block, e, true, policy_server_add_domain);
}

/* A name that is looked up: asked for in A-labels only. */
static void add_followed(struct build *b, struct block *block, const struct entry *e, enum conf_source source)
{
	struct domain_forms forms;
	char why[DOMAIN_WHY_MAX];
	struct looked_up *name;

	if (domain_read(e->text, false, &forms, why) < 0) {
		build_error(b, &e->at, "%s", why);
		return;
	}
	block->name_count++;
	if (block->group < 0)
		return;
	accept(b, policy_set_followed(b->policy, block->group));
	if (array_grow(&b->names, b->name_count, sizeof(*b->names)) < 0) {
		b->no_memory = true;
		return;
	}
	name = &b->names[b->name_count];
	*name = (struct looked_up) { e->block, source, strdup(forms.ascii) };
	if (name->text)
		b->name_count++;
	else
		b->no_memory = true;
}

void group_mx_of(struct build *b, struct block *block, const struct entry *e)
{
	add_followed(b, block, e, CONF_MX_OF);
}

void group_spf_of(struct build *b, struct block *block, const struct entry *e)
{
	add_followed(b, block, e, CONF_SPF_OF);
}

void group_hosts(struct build *b, struct block *block, const struct entry *e)
{
	add_followed(b, block, e, CONF_HOSTS);
}

/* ---- lists in files --------------------------------------------------------------------------- */

/* Cuts a line to its one word; NULL if it is empty. */
static char *trim_line(char *line)
{
	char *end;

	line[strcspn(line, "#")] = '\0';
	while (isspace((unsigned char)*line))
		line++;
	end = line + strlen(line);
	while (end > line && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return *line ? line : NULL;
}

/* Hands each line to `set` as if it stood in the configuration. text is written to. */
static void read_lines(struct build *b, struct block *block, const struct entry *e, const struct source *s,
        unsigned order, char *text, void (*set)(struct build *b, struct block *block, const struct entry *e))
{
	struct entry line = *e;
	char *next = text, *begin;

	line.at = (struct place) { s->path, order, 0 };
	if (memchr(s->bytes, '\0', s->len)) {
		build_error(b, &line.at, "a zero byte: this is no text file; name another file");
		return;
	}
	while ((begin = strsep(&next, "\n"))) {
		line.at.line++;
		line.text = trim_line(begin);
		if (!line.text)
			continue;
		set(b, block, &line);
		if (b->places && places_add_line(b->places, &line) < 0)
			b->no_memory = true;
	}
}

static void read_list(struct build *b, struct block *block, const struct entry *e,
        void (*set)(struct build *b, struct block *block, const struct entry *e))
{
	size_t errors = b->problems->of_kind[PROBLEM_ERROR];
	char *path, *text = NULL;
	struct source *s;
	unsigned order;
	int rc;

	if (e->text[0] == '\0')
		return; /* "" = no file */
	path = source_resolve(e->at.file, e->text);
	rc = path ? parse_add_source(b->parsed, path, &s, &order) : -ENOMEM;
	if (rc == 0)
		text = strdup(s->bytes);
	if (rc == -ENOMEM || (rc == 0 && !text))
		b->no_memory = true;
	else if (rc < 0)
		build_error(b, &e->at, "cannot read %s: %s; %s%s", path, strerror(-rc), source_fix(rc),
		        rc == -EACCES ? " (the service is root without the right to pass over file modes: "
		                        "root must own the file, or all may read it)"
		                      : "");
	else
		read_lines(b, block, e, s, order, text, set);
	if (rc == 0)
		s->is_list = true;
	if (b->problems->of_kind[PROBLEM_ERROR] > errors)
		block->list_failed = true;
	free(text);
	free(path);
}

void group_domains_file(struct build *b, struct block *block, const struct entry *e)
{
	read_list(b, block, e, group_domain);
}

void group_file(struct build *b, struct block *block, const struct entry *e)
{
	read_list(b, block, e, group_address);
}

/* ---- groups in rules --------------------------------------------------------------------------- */

static int find_named(const struct build *b, const char *name)
{
	unsigned i;

	for (i = 0; i < BUILTIN_COUNT; i++)
		if (strcmp(name, builtins[i].name) == 0)
			return builtins[i].group;
	return policy_group_find(b->policy, name);
}

static void tell_unknown_group(struct build *b, const struct entry *e)
{
	const char *best = NULL;
	unsigned distance = 0;
	size_t i;

	if (b->incomplete || parse_has_unknown_title(b->parsed, e->text))
		return;
	for (i = 0; i < BUILTIN_COUNT; i++)
		nearest_try(e->text, builtins[i].name, &best, &distance);
	for (i = 0; i < b->parsed->block_count; i++) {
		const struct block *block = &b->parsed->blocks[i];

		if (names_group(block) && strcmp(block->title, e->text) == 0)
			return; /* it is there, and what is wrong with it was told */
		if (block->group > 0)
			nearest_try(e->text, block->title, &best, &distance);
	}
	if (best)
		build_error(b, &e->at, "nothing is named \"%s\"; did you mean \"%s\"?", e->text, best);
	else
		build_error(b, &e->at,
		        "nothing is named \"%s\"; write any, home, self, servers, the title of an upstream, "
		        "servers or network "
		        "block, or an address",
		        e->text);
}

/* A group of its own for an address named in a rule. -1 if it is none (reported). */
static int add_literal(struct build *b, const struct entry *e)
{
	char name[PREFIX_TEXT_MAX];
	struct prefix prefix;
	int group;

	if (!read_prefix(b, e, &prefix))
		return -1;
	group = policy_add_group(b->policy, GROUP_LITERAL, prefix_print(&prefix, name));
	accept(b, group);
	if (group == -ENOSPC)
		build_error(b, &e->at, "more than %d groups; put the addresses of rules into network blocks",
		        POLICY_GROUPS_MAX);
	if (group >= 0)
		accept(b, policy_add_prefix(b->policy, group, &prefix));
	return group;
}

void group_add_member(struct build *b, const struct entry *e, struct policy_groups *set)
{
	bool is_literal = strpbrk(e->text, ":/") || isdigit((unsigned char)e->text[0]);
	int group = is_literal ? add_literal(b, e) : find_named(b, e->text);

	if (group >= 0)
		set->w[group / 64] |= UINT64_C(1) << group % 64;
	else if (!is_literal)
		tell_unknown_group(b, e);
}

void group_from(struct build *b, struct block *block, const struct entry *e)
{
	block->from_count++;
	group_add_member(b, e, &block->from);
}

void group_to(struct build *b, struct block *block, const struct entry *e)
{
	block->to_count++;
	group_add_member(b, e, &block->to);
}

/* A stranger would use it. */
void group_trusted(struct build *b, struct block *block, const struct entry *e)
{
	(void)block;
	if (!b->trusted_at)
		b->trusted_at = e;
	if (strcmp(e->text, builtins[0].name) == 0)
		build_error(b, &e->at,
		        "any cannot be trusted: everybody could hide commands in bodies; name upstreams or "
		        "other clients");
	else
		group_add_member(b, e, &b->trusted);
}

void group_never_block(struct build *b, struct block *block, const struct entry *e)
{
	(void)block;
	group_add_member(b, e, &b->never_block);
}
