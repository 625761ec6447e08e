/* outputs.c - handlers of the keys that say where records go beside files, and how many may be written. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "conf/build.h"

enum { RATE_WINDOW_MAX_S = 86400, SYSLOG_PORT = 514, ADDRESS_TEXT_MAX = 64 };

const char *const output_facility_words[] = {
#define X(name, number) name,
	RECEIVER_FACILITIES(X)
#undef X
	        NULL
};

unsigned output_facility(int64_t word)
{
	static const unsigned numbers[] = {
#define X(name, number) number,
		RECEIVER_FACILITIES(X)
#undef X
	};

	return numbers[word];
}

/* ---- receivers ----------------------------------------------------------------------------------- */

/* "192.0.2.1:514", "[2001:db8::1]:514", either without a port. */
static bool read_end(const char *text, struct receiver *to)
{
	char host[ADDRESS_TEXT_MAX];
	const char *begin = text[0] == '[' ? text + 1 : text;
	size_t len = strcspn(begin, text[0] == '[' ? "]" : ":");
	const char *rest = begin + len;
	char *end;
	unsigned long port = SYSLOG_PORT;

	if (len >= sizeof(host) || (text[0] == '[' && *rest++ != ']'))
		return false;
	memcpy(host, begin, len);
	host[len] = '\0';
	if (addr_parse(host, &to->addr) < 0 || addr_is_v4(&to->addr) != (text[0] != '['))
		return false;
	if (*rest == ':' && isdigit((unsigned char)rest[1])) {
		port = strtoul(rest + 1, &end, 10);
		rest = end;
	}
	to->port = (uint16_t)port;
	return *rest == '\0' && port >= 1 && port <= UINT16_MAX;
}

static bool read_receiver(const char *text, struct receiver *to)
{
	static const struct {
		const char *scheme;
		enum receiver_kind kind;
	} schemes[] = { { "udp://", RECEIVER_UDP }, { "tcp://", RECEIVER_TCP } };

	memset(to, 0, sizeof(*to));
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strncmp(text, schemes[i].scheme, strlen(schemes[i].scheme)) == 0) {
			to->kind = schemes[i].kind;
			return read_end(text + strlen(schemes[i].scheme), to);
		}
	if (strcmp(text, "no") == 0)
		return true;
	if (strcmp(text, "yes") == 0)
		text = "unix:///dev/log";
	to->kind = RECEIVER_UNIX;
	if (strncmp(text, "unix:///", 8) != 0 || strlen(text + 7) >= sizeof(to->path))
		return false;
	snprintf(to->path, sizeof(to->path), "%s", text + 7);
	return true;
}

void output_receiver(struct build *b, struct block *block, const struct entry *e)
{
	char label[KEY_LABEL_MAX];
	struct receiver to;

	(void)block;
	if (read_receiver(e->text, &to))
		b->draft.log_syslog = to;
	else
		build_error(b, &e->at,
		        "%s = \"%s\" is no receiver; write no, yes (the local /dev/log), "
		        "\"udp://192.0.2.1:514\", "
		        "\"tcp://[2001:db8::1]:514\" or \"unix:///PATH\"; names of hosts are not looked up",
		        key_label(e->key, label), e->text);
}

/* ---- how much ------------------------------------------------------------------------------------ */

/* What stands behind the number, as a factor; *end is moved behind it. 0 = it is none. */
static int64_t factor_of(const char **end)
{
	static const char letters[] = "KMG";
	const char *letter = **end ? strchr(letters, **end) : NULL;
	int64_t factor = 1;

	if (!letter)
		return factor;
	*end += 1;
	for (size_t i = 0; i <= (size_t)(letter - letters); i++)
		factor *= 1024;
	return factor;
}

/* "1m", "30s"; 0 = no such time. */
static int64_t seconds_of(const char *text)
{
	static const struct {
		const char *suffix;
		int64_t seconds;
	} units[] = { { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
	char *end;
	int64_t n = isdigit((unsigned char)text[0]) ? strtoll(text, &end, 10) : 0;

	for (size_t i = 0; n > 0 && i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(end, units[i].suffix) == 0 && n <= RATE_WINDOW_MAX_S / units[i].seconds)
			return n * units[i].seconds;
	return 0;
}

/* "64M", within the key's range; NULL: it is none, else what stands behind it. */
static const char *read_amount(const char *text, const struct key *key, int64_t *out)
{
	char *number_end;
	const char *end;
	int64_t most, factor;

	if (!isdigit((unsigned char)text[0]))
		return NULL;
	errno = 0;
	most = strtoll(text, &number_end, 10);
	end = number_end;
	factor = factor_of(&end);
	if (errno != 0 || most < 1 || most > key->max / factor || most * factor < key->min)
		return NULL;
	*out = most * factor;
	return end;
}

static bool read_budget(const char *text, const struct key *key, struct draft_budget *out)
{
	const char *end;

	*out = (struct draft_budget) { 0, 0 };
	if (strcmp(text, "0") == 0)
		return true;
	end = read_amount(text, key, &out->most);
	if (!end || *end != '/')
		return false;
	out->window_s = seconds_of(end + 1);
	return out->window_s > 0;
}

void output_size(struct build *b, struct block *block, const struct entry *e)
{
	char label[KEY_LABEL_MAX];
	int64_t size = 0;
	const char *end = strcmp(e->text, "0") == 0 ? "" : read_amount(e->text, e->key, &size);

	(void)block;
	if (end && *end == '\0')
		memcpy((char *)&b->draft + e->key->offset, &size, sizeof(size));
	else
		build_error(b, &e->at,
		        "%s = \"%s\" is no size; write one like %s, from %lld to %lld bytes (K, M and G are "
		        "1024 and so on), or 0 for none",
		        key_label(e->key, label), e->text, e->key->fallback, (long long)e->key->min,
		        (long long)e->key->max);
}

void output_budget(struct build *b, struct block *block, const struct entry *e)
{
	char label[KEY_LABEL_MAX];
	struct draft_budget budget;

	(void)block;
	if (read_budget(e->text, e->key, &budget))
		memcpy((char *)&b->draft + e->key->offset, &budget, sizeof(budget));
	else
		build_error(b, &e->at,
		        "%s = \"%s\" is no amount in a time; write one like \"%s\", from %lld to %lld%s%s "
		        "(K, M and G "
		        "are 1024 and so on) in 1s to 1d, or 0 for no limit",
		        key_label(e->key, label), e->text, e->key->fallback, (long long)e->key->min,
		        (long long)e->key->max, e->key->unit[0] ? " " : "", e->key->unit);
}

/* ---- together ------------------------------------------------------------------------------------ */

/* The last part of a path; *folder_len: what stands before it, its slash included. */
static const char *base_of(const char *path, size_t *folder_len)
{
	const char *slash = strrchr(path, '/');

	*folder_len = slash ? (size_t)(slash - path) + 1 : 0;
	return slash ? slash + 1 : path;
}

static bool stat_folder(const char *path, size_t len, struct stat *out)
{
	char folder[PATH_MAX];

	return len < sizeof(folder) &&
	       snprintf(folder, sizeof(folder), "%.*s", (int)len, len > 0 ? path : "") >= 0 &&
	       stat(len > 0 ? folder : ".", out) == 0;
}

/* Also by another spelling, a link, or as a file that is not there yet. */
static bool is_same_file(const char *a, const char *b)
{
	struct stat a_stat, b_stat;
	size_t a_len, b_len;
	const char *a_base = base_of(a, &a_len), *b_base = base_of(b, &b_len);

	if (strcmp(a, b) == 0)
		return true;
	if (strcmp(a, "-") == 0 || strcmp(b, "-") == 0)
		return false;
	if (stat(a, &a_stat) == 0 && stat(b, &b_stat) == 0)
		return a_stat.st_dev == b_stat.st_dev && a_stat.st_ino == b_stat.st_ino;
	return strcmp(a_base, b_base) == 0 && stat_folder(a, a_len, &a_stat) &&
	       stat_folder(b, b_len, &b_stat) && a_stat.st_dev == b_stat.st_dev &&
	       a_stat.st_ino == b_stat.st_ino;
}

/* Where a file is named. */
static const struct place *place_of(const struct build *b, const struct key *k)
{
	const struct place *at = &parse_block(b->parsed, k->block)->at;

	for (size_t i = 0; i < b->parsed->entry_count; i++)
		if (b->parsed->entries[i].key == k)
			at = &b->parsed->entries[i].at;
	return at;
}

/* A file that is read as the configuration, or as a list of it. */
static void check_is_no_source(struct build *b, const struct key *key, const char *path)
{
	char label[KEY_LABEL_MAX];

	for (size_t i = 0; i < b->parsed->source_count; i++)
		if (is_same_file(path, b->parsed->sources[i]->path)) {
			build_error(b, place_of(b, key),
			        "%s = \"%s\" is a file of this configuration and would be written over; name "
			        "another",
			        key_label(key, label), path);
			return;
		}
}

/* What is written to one file by two is of use to none. */
void check_outputs(struct build *b)
{
	const struct draft *d = &b->draft;
	const struct {
		enum block_kind block;
		const char *key, *path;
	} files[] = { { BLOCK_LOG, "eve", d->log_eve }, { BLOCK_LOG, "ecs", d->log_ecs },
		{ BLOCK_LOG, "cef", d->log_cef }, { BLOCK_STORE, "path", d->store_path },
		{ BLOCK_CONTROL, "path", d->control_path },
		{ BLOCK_DNS, "trust-anchor", d->dns_trust_anchor } };
	char label[KEY_LABEL_MAX], other[KEY_LABEL_MAX];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		const struct key *key = key_find(files[i].block, files[i].key);

		if (!files[i].path || !*files[i].path)
			continue;
		check_is_no_source(b, key, files[i].path);
		for (size_t k = 0; k < i; k++)
			if (files[k].path && *files[k].path && is_same_file(files[k].path, files[i].path))
				build_error(b, place_of(b, key),
				        "%s = \"%s\" and %s = \"%s\" are the same file; give each one of its "
				        "own",
				        key_label(key_find(files[k].block, files[k].key), other),
				        files[k].path, key_label(key, label), files[i].path);
	}
}
