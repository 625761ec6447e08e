/* forgotten.c - see forgotten.h. */
#include "posternd/forgotten.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "posternd/privacy_key.h"
#include "report/field.h"

static const char *const words[FORGOTTEN_KIND_COUNT] = {
#define X(name, word, text) word,
	FORGOTTEN_KINDS(X)
#undef X
};

int forgotten_whom(const struct conf *conf, const char *text, struct mention *out)
{
	uint8_t key[HASH_KEY_BYTES];
	int r = mention_parse(text, out);

	if (r == 0 && out->is_mailbox && privacy_key_find(conf, key))
		privacy_mention(key, out);
	return r;
}

const char *forgotten_fault(int result)
{
	switch (result) {
	case -EDOM:
		return "has bits set behind its length";
	case -ERANGE:
		return "is wider than a /24, or a /56 of IPv6: that is many, and not somebody";
	default:
		return "is no address, like 192.0.2.1 or 2001:db8::1, and no mailbox, like john@example.org";
	}
}

char *forgotten_print(
        const struct forgotten *memory, const struct forgotten *store, char text[FORGOTTEN_TEXT_MAX])
{
	int len = 0;

	*text = '\0';
	for (unsigned i = 0; i < FORGOTTEN_KIND_COUNT && len < FORGOTTEN_TEXT_MAX; i++) {
		uint64_t first = memory ? memory->n[i] : 0, second = store ? store->n[i] : 0;

		if (first + second > 0)
			len += snprintf(text + len, (size_t)(FORGOTTEN_TEXT_MAX - len),
			        "%s%s %" PRIu64 "+%" PRIu64, len > 0 ? ", " : "", words[i], first, second);
	}
	if (len == 0)
		(void)snprintf(text, FORGOTTEN_TEXT_MAX, "nothing was known");
	return text;
}

json_t *forgotten_json(const struct forgotten *f)
{
	json_t *row = json_object();

	for (unsigned i = 0; i < FORGOTTEN_KIND_COUNT; i++)
		field_set_uint(row, words[i], f->n[i]);
	return row;
}

static json_t *logs_of(const struct conf *conf)
{
	const char *const paths[] = { conf->log.eve, conf->log.ecs, conf->log.cef };
	json_t *rows = json_array();

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (*paths[i])
			(void)json_array_append_new(rows, field_text(paths[i]));
	if (conf->log.syslog.kind != RECEIVER_NONE)
		(void)json_array_append_new(rows, json_string("syslog"));
	return rows;
}

static json_t *set_aside_of(const struct conf *conf)
{
	char pattern[PATH_MAX];
	json_t *rows = json_array();
	glob_t found;

	if (!*conf->store.path || (size_t)snprintf(pattern, sizeof(pattern), "%s.corrupt-*",
	                                  conf->store.path) >= sizeof(pattern))
		return rows;
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			(void)json_array_append_new(rows, field_text(found.gl_pathv[i]));
		globfree(&found);
	}
	return rows;
}

json_t *forgotten_left(const struct conf *conf, const struct forgotten *f, uint64_t as_server)
{
	json_t *left = json_object();

	field_set_uint(left, "in_force", f->in_force);
	field_set_uint(left, "wider_sources", f->wider);
	field_set_uint(left, "as_server", as_server);
	field_set(left, "logs", logs_of(conf));
	field_set(left, "set_aside", set_aside_of(conf));
	return left;
}
