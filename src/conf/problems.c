/* problems.c - collects messages, so that all of them can be shown in the order of the text.
 *
 * Values are checked block by block and key by key, includes are read in the middle of a file, and
 * a file is parsed again after an unknown key was blanked: without collecting, messages would come
 * in an order that only this code understands, and twice. Limit: PROBLEMS_MAX messages are kept,
 * the rest is counted (a list of domains with the wrong file behind it can be all errors).
 */
#include "conf/problems.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { PROBLEMS_MAX = 200 };

struct problem {
	enum problem_kind kind;
	unsigned order, line;
	size_t sequence;
	char *text;
};

static const char *const kind_words[PROBLEM_KINDS] = {
	[PROBLEM_ERROR] = "", [PROBLEM_WARNING] = CONF_WARNING
};

static char *text_at(const struct place *at, const char *word, const char *message)
{
	char *text;
	int got;

	if (at->line > 0)
		got = asprintf(&text, "%s:%u: %s%s", at->file, at->line, word, message);
	else
		got = asprintf(&text, "%s: %s%s", at->file, word, message);
	return got < 0 ? NULL : text;
}

/* Values are quoted in messages, and a message is one line. */
static void mask_controls(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

static bool is_known(const struct problems *p, const char *text)
{
	size_t i;

	for (i = 0; i < p->count; i++)
		if (strcmp(p->list[i].text, text) == 0)
			return true;
	return false;
}

void problems_add(struct problems *p, enum problem_kind kind, const struct place *at, const char *format, ...)
{
	char *message = NULL, *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&message, format, args) >= 0)
		text = text_at(at, kind_words[kind], message);
	va_end(args);
	free(message);
	if (text)
		mask_controls(text);
	if (text && is_known(p, text)) {
		free(text);
		return;
	}
	p->of_kind[kind]++;
	if (text && !p->list)
		p->list = calloc(PROBLEMS_MAX, sizeof(*p->list));
	if (!text || !p->list)
		p->no_memory = true;
	if (!text || !p->list || p->count == PROBLEMS_MAX) {
		free(text);
		return;
	}
	p->list[p->count] = (struct problem) {
		.kind = kind, .order = at->order, .line = at->line, .sequence = p->count, .text = text
	};
	p->count++;
}

static int compare(const void *a, const void *b)
{
	const struct problem *x = a, *y = b;

	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->sequence < y->sequence ? -1 : 1;
}

void problems_tell(struct problems *p, conf_report error, conf_report warn, void *arg)
{
	const conf_report report[PROBLEM_KINDS] = { error, warn };
	size_t total = p->of_kind[PROBLEM_ERROR] + p->of_kind[PROBLEM_WARNING];
	char more[64];
	size_t i;

	if (p->count > 1)
		qsort(p->list, p->count, sizeof(*p->list), compare);
	for (i = 0; i < p->count; i++) {
		if (report[p->list[i].kind])
			report[p->list[i].kind](arg, p->list[i].text);
		free(p->list[i].text);
	}
	if (total > p->count && error) {
		snprintf(more, sizeof(more), "... and %zu more", total - p->count);
		error(arg, more);
	}
	free(p->list);
	*p = (struct problems) { 0 };
}
