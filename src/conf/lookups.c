/* lookups.c - what the DNS is asked for upstreams, and who is asked: from values to their places. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/build.h"
#include "conf/conf.h"

enum { PORT_MAX = 65535 };

/* "192.0.2.53" or "192.0.2.53@5353". */
static bool is_server(const char *text)
{
	const char *at = strchr(text, '@');
	char address[ADDR_TEXT_MAX] = "", *end = NULL;
	struct addr a;
	size_t len = at ? (size_t)(at - text) : strlen(text);
	unsigned long port = at ? strtoul(at + 1, &end, 10) : 53;

	if (len >= sizeof(address) || (at && (at[1] < '0' || at[1] > '9' || *end)))
		return false;
	memcpy(address, text, len);
	return addr_parse(address, &a) == 0 && port > 0 && port <= PORT_MAX;
}

static void add_server(struct build *b, const struct entry *e)
{
	char *text;

	if (!is_server(e->text)) {
		build_error(b, &e->at,
		        "\"%s\" is no DNS server; write an address like 192.0.2.53, or 192.0.2.53@5353 "
		        "with a port",
		        e->text);
		return;
	}
	text = strdup(e->text);
	if (!text || array_grow(&b->resolvers, b->resolver_count, sizeof(*b->resolvers)) < 0) {
		free(text);
		b->no_memory = true;
		return;
	}
	b->resolvers[b->resolver_count++] = (struct looked_up) { .block = e->block, .text = text };
}

void group_resolver(struct build *b, struct block *block, const struct entry *e)
{
	(void)block;
	add_server(b, e);
}

void dns_server(struct build *b, struct block *block, const struct entry *e)
{
	(void)block;
	add_server(b, e);
}

/* ---- into their places ----------------------------------------------------------------------- */

static int take_servers(struct build *b, size_t block, char ***servers, unsigned *count)
{
	for (size_t i = 0; i < b->resolver_count; i++) {
		if (b->resolvers[i].block != block)
			continue;
		if (array_grow(servers, *count, sizeof(**servers)) < 0)
			return -ENOMEM;
		(*servers)[(*count)++] = b->resolvers[i].text;
		b->resolvers[i].text = NULL;
	}
	return 0;
}

static int take_names(struct build *b, size_t block, struct conf_upstream *u)
{
	for (size_t i = 0; i < b->name_count; i++) {
		if (b->names[i].block != block)
			continue;
		if (array_grow(&u->names, u->name_count, sizeof(*u->names)) < 0)
			return -ENOMEM;
		u->names[u->name_count++] = (struct conf_name) { b->names[i].source, b->names[i].text };
		b->names[i].text = NULL;
	}
	return 0;
}

static int make_upstream(struct build *b, struct conf *c, const struct block *block)
{
	struct conf_upstream *u;

	if (array_grow(&c->upstreams, c->upstream_count, sizeof(*u)) < 0)
		return -ENOMEM;
	u = &c->upstreams[c->upstream_count++];
	*u = (struct conf_upstream) {
		.group = block->group,
		.title = strdup(block->title),
		.grace_s = (uint32_t)block->grace_s,
		.allow_private = block->allow_private != 0,
	};
	if (!u->title || take_names(b, (size_t)(block - b->parsed->blocks), u) < 0)
		return -ENOMEM;
	return take_servers(b, (size_t)(block - b->parsed->blocks), &u->resolvers, &u->resolver_count);
}

int lookups_make(struct build *b, struct conf *c)
{
	int r = 0;

	for (size_t i = 0; i < b->parsed->block_count && r == 0; i++) {
		const struct block *block = &b->parsed->blocks[i];

		if (block->kind == BLOCK_UPSTREAM && block->name_count > 0)
			r = make_upstream(b, c, block);
		else if (block->kind == BLOCK_DNS)
			r = take_servers(b, i, &c->dns.servers, &c->dns.server_count);
	}
	c->own = b->own;
	c->own_count = b->own_count;
	b->own = NULL;
	return r;
}

static void free_texts(struct looked_up *list, size_t count)
{
	while (count > 0)
		free(list[--count].text);
	free(list);
}

void lookups_build_fini(struct build *b)
{
	free_texts(b->names, b->name_count);
	free_texts(b->resolvers, b->resolver_count);
	free(b->own);
}

static void free_strings(char **list, unsigned count)
{
	while (count > 0)
		free(list[--count]);
	free(list);
}

void lookups_free(struct conf *c)
{
	for (size_t i = 0; i < c->upstream_count; i++) {
		struct conf_upstream *u = &c->upstreams[i];

		while (u->name_count > 0)
			free(u->names[--u->name_count].name);
		free(u->names);
		free_strings(u->resolvers, u->resolver_count);
		free(u->title);
	}
	free(c->upstreams);
	free_strings(c->dns.servers, c->dns.server_count);
	free(c->own);
}
