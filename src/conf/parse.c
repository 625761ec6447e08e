/* parse.c - libconfuse, and the only file that knows it.
 *
 * Its options are made from the key table. All of them are of the "pointer" type with one callback,
 * because that callback is the one place where libconfuse tells the line of each single value; what
 * it collects is a flat list of entries, and libconfuse's own tree is thrown away. Blocks with
 * titles get one nameless option more, with a default: libconfuse fills in defaults where a block
 * is opened, so its callback notes the line.
 *
 * include() is a parse inside the parse, with a libconfuse context of its own (why: source.c). After
 * an unknown key the statement is blanked and the file parsed again, so that all of them are found;
 * what the first try had collected is dropped.
 *
 * Limits: includes nest INCLUDE_DEPTH_MAX deep. libconfuse's lexer is one per process and has no
 * user pointer, hence the static `reading`: only one thread may read a configuration at a time.
 */
#include "conf/parse.h"
#include "conf/hints.h"

#include <confuse.h>
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { INCLUDE_DEPTH_MAX = 10, KEYS_PER_BLOCK_MAX = 64 };

struct open_file {
	struct place last; /* its last line */
	char *text;        /* without comments and unknown keys, as libconfuse gets it */
	size_t len;
};

struct reader {
	struct parsed *parsed;
	struct problems *problems;
	cfg_opt_t options[BLOCK_KINDS][KEYS_PER_BLOCK_MAX];
	cfg_t **contexts; /* of all parses; freeing one resets the lexer, so this waits for the end */
	size_t context_count;
	unsigned depth;
	struct open_file file; /* being read */
	char unknown[64];      /* the key that ended this parse, or empty */
	enum block_kind unknown_in;
	unsigned unknown_line;
	bool told;  /* the reason why this parse ended was reported */
	int failed; /* -errno that ends everything, or 0 */
};

static struct reader *reading;

/* ---- libconfuse's callbacks ------------------------------------------------------------------ */

static struct place here(const cfg_t *cfg)
{
	struct place at = reading->file.last;

	/* at the end of the file libconfuse stands behind the last line */
	if ((unsigned)cfg->line < at.line)
		at.line = (unsigned)cfg->line;
	return at;
}

/* Notes a failure that ends the whole reading; returns what makes libconfuse stop. */
static int give_up(int error)
{
	reading->failed = error;
	reading->told = true;
	return -1;
}

/* The block that libconfuse is in: without a title the one of its kind, else the last one opened. */
static size_t block_of(const cfg_t *cfg)
{
	struct parsed *p = reading->parsed;
	enum block_kind kind = block_find(cfg->name);

	if (block_infos[kind].titled)
		return p->block_count - 1;
	return (size_t)(parse_block(p, kind) - p->blocks);
}

static int on_open(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	struct place at = here(cfg);

	(void)opt, (void)value;
	*(void **)result = NULL;
	if (parse_add_block(reading->parsed, block_find(cfg->name), cfg->title, &at) < 0)
		return give_up(-ENOMEM);
	return 0;
}

static int on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	const struct key *key = key_find(block_find(cfg->name), opt->name);
	struct place at = here(cfg);

	*(void **)result = NULL;
	if (!key) { /* "log|eve = ..." outside of the block: libconfuse's own shorthand */
		problems_add(reading->problems, PROBLEM_ERROR, &at,
		        "a key of another block is set here; write it inside of that block");
		return 0;
	}
	if (parse_add_entry(reading->parsed, key, block_of(cfg), value, &at) < 0)
		return give_up(-ENOMEM);
	return 0;
}

/* Counts the entries of a key in a block, those of this file and those of others, and finds the last. */
static size_t count_entries(const struct key *key, size_t block, bool this_file, const struct entry **last)
{
	const struct parsed *p = reading->parsed;
	size_t i, n = 0;

	for (i = 0; i < p->entry_count; i++) {
		const struct entry *e = &p->entries[i];

		if (e->key != key || e->block != block ||
		        (e->at.order == reading->file.last.order) != this_file)
			continue;
		n++;
		*last = e;
	}
	return n;
}

static void check_key_once(cfg_t *cfg, const cfg_opt_t *opt, const struct key *key, size_t block)
{
	const struct entry *last = NULL;
	size_t elsewhere = count_entries(key, block, false, &last);
	size_t in_this_file = count_entries(key, block, true, &last);
	struct place at = here(cfg);

	if (last && (elsewhere > 0 || in_this_file != opt->nvalues)) {
		problems_add(reading->problems, PROBLEM_ERROR, &last->at,
		        "%s is set more than once; keep one of them%s", key->name,
		        key_types[key->type].list ? ", or add to a list with +=" : "");
	} else if (opt->nvalues == 0 && key->fallback) {
		at.line = source_find_statement(reading->file.text, reading->file.len, key->name);
		problems_add(reading->problems, PROBLEM_ERROR, &at,
		        "%s is an empty list; leave it out for the default (%s)", key->name, key->fallback);
	}
}

/* libconfuse lets the last assignment win silently. What it holds then differs from what was
 * collected. */
static void check_once(cfg_t *cfg, size_t block)
{
	enum block_kind kind = block_find(cfg->name);
	const struct key *key = NULL;
	const cfg_opt_t *opt;

	while ((key = key_next(kind, key))) {
		opt = key->type == KEY_INCLUDE ? NULL : cfg_getopt(cfg, key->name);
		if (opt && opt->flags & CFGF_MODIFIED)
			check_key_once(cfg, opt, key, block);
	}
}

static int on_close(cfg_t *cfg, cfg_opt_t *opt)
{
	struct parsed *p = reading->parsed;
	enum block_kind kind = block_find(opt->name);
	cfg_t *closed;

	(void)cfg;
	if (block_infos[kind].titled)
		closed = cfg_opt_gettsec(opt, p->blocks[p->block_count - 1].title);
	else
		closed = cfg_opt_getnsec(opt, 0);
	check_once(closed, block_of(closed));
	return 0;
}

static int read_file(const char *path, const struct place *from);

static int on_include(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv)
{
	struct place at = here(cfg);
	char *path;
	int rc;

	(void)opt;
	if (argc != 1) {
		problems_add(reading->problems, PROBLEM_ERROR, &at,
		        "include() takes one file; write include(\"FILE\"), one for each");
		reading->told = true;
		return -1;
	}
	path = source_resolve(reading->file.last.file, argv[0]);
	rc = path ? read_file(path, &at) : -ENOMEM;
	free(path);
	return rc < 0 ? give_up(rc) : 0;
}

/* libconfuse's messages and what to do about them; those not listed are shown as they are. */
static const struct {
	const char *begin, *fix;
} syntax_hints[] = {
	{ "missing equal sign", "write KEY = VALUE" },
	{ "unexpected closing brace", "nothing is open here; remove the }" },
	{ "unexpected token",
	        "lists are { \"a\", \"b\" }, values with spaces or any of { } ( ) = + , need quotes" },
	{ "missing opening brace", "write NAME \"title\" { ... }; a title is for upstream, servers, network, "
	                           "rule, volume and suppress" },
	{ "missing title", "write NAME \"title\" { ... }" },
	{ "attempt to append", "+= is for lists; write =" },
	{ "missing parenthesis", "write include(\"FILE\")" },
	{ "syntax error in call", "write include(\"FILE\")" },
	{ "bad escape", "write \\\\ for a backslash" },
	{ "invalid octal", "write \\\\ for a backslash" },
};

static void note_unknown(const cfg_t *cfg, const char *message)
{
	const char *name = strchr(message, '\'') + 1;

	snprintf(reading->unknown, sizeof(reading->unknown), "%.*s", (int)strcspn(name, "'"), name);
	reading->unknown_in = block_find(cfg->name);
	reading->unknown_line = (unsigned)cfg->line;
}

/* What began in an earlier line and is still open; 0 = nothing. */
static unsigned open_before(unsigned line)
{
	return line > 0 ? source_open_brace(reading->file.text, reading->file.len, line - 1) : 0;
}

/* What is open at the end of the file; libconfuse says nothing about blocks, and about lists only that the
 * file ends. False if nothing is. */
static bool tell_unclosed(void)
{
	struct place at = reading->file.last;

	at.line = open_before(UINT_MAX);
	if (at.line == 0)
		return false;
	problems_add(reading->problems, PROBLEM_ERROR, &at,
	        "a block or list begins here and is never closed; add the missing }");
	reading->told = true;
	return true;
}

/* Something stands between the name of a block without title and its brace: = or a title. False if that is not it. */
static bool tell_no_title(const char *message, const struct place *at)
{
	static const char begin[] = "missing opening brace for section '";
	const char *name = message + sizeof(begin) - 1;
	int len;

	if (strncmp(message, begin, sizeof(begin) - 1) != 0)
		return false;
	len = (int)strcspn(name, "'");
	for (unsigned kind = BLOCK_ROOT + 1; kind < BLOCK_KINDS; kind++)
		if (strlen(block_infos[kind].name) == (size_t)len &&
		        strncmp(block_infos[kind].name, name, (size_t)len) == 0 &&
		        !block_infos[kind].titled) {
			problems_add(reading->problems, PROBLEM_ERROR, at,
			        "%.*s is a block without = and without a title; write %.*s { ... }", len,
			        name, len, name);
			reading->told = true;
			return true;
		}
	return false;
}

static void on_error(cfg_t *cfg, const char *format, va_list args)
{
	struct place at = here(cfg);
	unsigned begun;
	const char *fix = "see postern.conf(5)";
	char message[200];
	size_t i;

	vsnprintf(message, sizeof(message), format, args);
	if (strncmp(message, "no such option '", 16) == 0) {
		note_unknown(cfg, message);
		return;
	}
	if (strncmp(message, "premature end of file", 21) == 0 && tell_unclosed())
		return;
	if (tell_no_title(message, &at))
		return;
	for (i = 0; i < sizeof(syntax_hints) / sizeof(syntax_hints[0]); i++)
		if (strncmp(message, syntax_hints[i].begin, strlen(syntax_hints[i].begin)) == 0)
			fix = syntax_hints[i].fix;
	begun = strncmp(message, "unexpected token", 16) == 0 ? open_before(at.line) : 0;
	if (strncmp(message, "unexpected token '", 18) == 0 && !strchr("{}()=+,", message[18]))
		fix = "a comma is missing before it, as in { \"a\", \"b\" }";
	if (begun > 0)
		problems_add(reading->problems, PROBLEM_ERROR, &at, "%s; %s; or the { of line %u lacks its }",
		        message, fix, begun);
	else
		problems_add(reading->problems, PROBLEM_ERROR, &at, "%s; %s", message, fix);
	reading->told = true;
}

/* ---- options from the key table ---------------------------------------------------------------- */

static cfg_opt_t option_of(const struct key *key)
{
	if (key->type == KEY_INCLUDE)
		return (cfg_opt_t) { .name = key->name, .type = CFGT_FUNC, .func = on_include };
	return (cfg_opt_t) { .name = key->name,
		.type = CFGT_PTR,
		.flags = key_types[key->type].list ? CFGF_LIST : CFGF_NONE,
		.parsecb = on_value };
}

static void make_options(struct reader *r)
{
	static char opener[] = "opened";
	const struct key *key;
	cfg_opt_t *o, *root;
	unsigned kind;

	for (kind = 0; kind < BLOCK_KINDS; kind++) {
		o = r->options[kind];
		for (key = NULL; (key = key_next(kind, key)); o++)
			*o = option_of(key);
		if (block_infos[kind].titled)
			*o++ = (cfg_opt_t) {
				.name = "", .type = CFGT_PTR, .def.parsed = opener, .parsecb = on_open
			};
		*o = (cfg_opt_t)CFG_END();
	}
	root = r->options[BLOCK_ROOT];
	while (root->name)
		root++;
	for (kind = BLOCK_ROOT + 1; kind < BLOCK_KINDS; kind++)
		*root++ = (cfg_opt_t) { .name = block_infos[kind].name,
			.type = CFGT_SEC,
			.flags = block_infos[kind].titled ? CFGF_MULTI | CFGF_TITLE : CFGF_NONE,
			.subopts = r->options[kind],
			.validcb = on_close };
	*root = (cfg_opt_t)CFG_END();
	assert(root - r->options[BLOCK_ROOT] < KEYS_PER_BLOCK_MAX);
}

/* ---- files ------------------------------------------------------------------------------------- */

static cfg_t *new_context(struct reader *r)
{
	cfg_t *cfg;

	if (array_grow(&r->contexts, r->context_count, sizeof(cfg_t *)) < 0)
		return NULL;
	cfg = cfg_init(r->options[BLOCK_ROOT], CFGF_NONE);
	if (!cfg)
		return NULL;
	cfg_set_error_function(cfg, on_error);
	r->contexts[r->context_count++] = cfg;
	return cfg;
}

/* One run of libconfuse over the open file. 0, -EAGAIN = an unknown key ended it, -EINVAL = a syntax error
 * that was reported, or another -errno. */
static int parse_once(struct reader *r)
{
	cfg_t *cfg = new_context(r);
	FILE *f = cfg ? fmemopen(r->file.text, r->file.len, "r") : NULL;
	struct place at;
	int rc;

	if (!f)
		return -ENOMEM;
	r->unknown[0] = '\0';
	r->told = false;
	rc = cfg_parse_fp(cfg, f);
	fclose(f);
	if (r->failed)
		return r->failed;
	if (rc == CFG_SUCCESS) {
		check_once(cfg, block_of(cfg));
		return 0;
	}
	if (r->unknown[0])
		return -EAGAIN;
	at = here(cfg);
	if (!r->told)
		problems_add(r->problems, PROBLEM_ERROR, &at, "syntax error; see postern.conf(5)");
	return -EINVAL;
}

static void tell_unknown(struct reader *r, const struct place *at, bool titled)
{
	const char *block = block_infos[r->unknown_in].name;
	unsigned begun = block[0] ? open_before(r->unknown_line) : 0;
	char hint[KEY_HINT_MAX];

	key_hint(r->unknown_in, r->unknown, titled, hint);
	if (begun > 0 && key_is_outside(r->unknown_in, r->unknown))
		problems_add(r->problems, PROBLEM_ERROR, at,
		        "unknown key \"%s\" in %s; %s (it begins in line %u)", r->unknown, block, hint,
		        begun);
	else
		problems_add(r->problems, PROBLEM_ERROR, at, "unknown key \"%s\"%s%s; %s", r->unknown,
		        block[0] ? " in " : "", block, hint);
}

/* Tells it and takes it out of the text. False if it has no end, or there is no memory. */
static bool skip_unknown(struct reader *r)
{
	char title[SOURCE_TITLE_MAX] = "";
	struct place at = r->file.last;
	bool skipped;

	at.line = r->unknown_line;
	skipped = source_blank_statement(r->file.text, r->file.len, r->unknown_line, r->unknown, title);
	tell_unknown(r, &at, title[0] != '\0');
	if (parse_add_unknown(r->parsed, r->unknown_in, &at, title) < 0)
		r->failed = -ENOMEM;
	return skipped;
}

static int parse_open(struct reader *r)
{
	struct parsed *p = r->parsed;
	struct parse_mark begin = { p->source_count, p->block_count, p->entry_count };
	int rc;

	while ((rc = parse_once(r)) == -EAGAIN) {
		if (!skip_unknown(r))
			return -EINVAL;
		parse_drop_behind(p, &begin);
	}
	if (rc == 0 && tell_unclosed())
		rc = -EINVAL;
	return rc;
}

static int tell_flaw(struct reader *r, enum source_flaw flaw, unsigned line)
{
	static const char *const flaws[] = {
		[SOURCE_BINARY] = "a zero byte: this is no text file; name another file",
		[SOURCE_OPEN_STRING] =
		        "a string begins here and does not end in this line; add the closing quote",
		[SOURCE_OPEN_COMMENT] = "a comment begins here and never ends; add */",
	};
	struct place at = r->file.last;

	at.line = line;
	problems_add(r->problems, PROBLEM_ERROR, &at, "%s", flaws[flaw]);
	return -EINVAL;
}

/* Makes a source the open file, its text a copy without comments. 0 or -errno. */
static int open_text(struct reader *r, const struct source *s)
{
	struct open_file *f = &r->file;
	enum source_flaw flaw;
	unsigned line;

	f->last.file = s->path;
	f->len = s->len + 1;
	f->text = malloc(f->len + 1);
	if (!f->text)
		return -ENOMEM;
	memcpy(f->text, s->bytes, s->len);
	memcpy(f->text + s->len, "\n", 2);
	flaw = source_blank_comments(f->text, s->len, &line);
	f->last.line = line - (s->len > 0 && s->bytes[s->len - 1] == '\n');
	return flaw == SOURCE_FINE ? 0 : tell_flaw(r, flaw, line);
}

static int tell_unreadable(struct reader *r, const char *path, const struct place *from, int error)
{
	struct place at = { path, 0, 0 };

	if (from)
		problems_add(r->problems, PROBLEM_ERROR, from, "cannot read %s: %s; %s", path,
		        strerror(-error), source_fix(error));
	else if (error == -ENOENT)
		problems_add(r->problems, PROBLEM_ERROR, &at,
		        "%s; %sstart from one of the examples in " CONF_EXAMPLES_DIR
		        " (rules/ in the sources)",
		        strerror(-error),
		        strcmp(path, CONF_DEFAULT_PATH) == 0 ? "-c FILE names another one, or " : "");
	else
		problems_add(r->problems, PROBLEM_ERROR, &at, "cannot be read: %s; %s", strerror(-error),
		        source_fix(error));
	return error;
}

/* from: where it was included, NULL for the first file. */
static int read_file(const char *path, const struct place *from)
{
	struct reader *r = reading;
	struct open_file outer = r->file;
	struct source *s;
	int rc;

	if (r->depth == INCLUDE_DEPTH_MAX) {
		problems_add(r->problems, PROBLEM_ERROR, from,
		        "includes are nested deeper than %d; does a file include itself?", INCLUDE_DEPTH_MAX);
		return -EINVAL;
	}
	rc = parse_add_source(r->parsed, path, &s, &r->file.last.order);
	if (rc < 0) {
		r->file = outer;
		return tell_unreadable(r, path, from, rc);
	}
	r->depth++;
	rc = open_text(r, s);
	if (rc == 0)
		rc = parse_open(r);
	r->depth--;
	free(r->file.text);
	r->file = outer;
	return rc;
}

int parse_file(const char *path, struct parsed *out, struct problems *problems)
{
	struct reader *r = calloc(1, sizeof(*r));
	int rc;

	*out = (struct parsed) { 0 };
	if (!r)
		return -ENOMEM;
	r->parsed = out;
	r->problems = problems;
	make_options(r);
	reading = r;
	rc = parse_add_plain_blocks(out, &(struct place) { path, 0, 0 });
	if (rc == 0)
		rc = read_file(path, NULL);
	while (r->context_count > 0)
		cfg_free(r->contexts[--r->context_count]);
	reading = NULL;
	free(r->contexts);
	free(r);
	return rc;
}
