/* outputs.c - see outputs.h. The first place is always there, if only to count; the others are as many as the configuration
 * names.
 *
 * Other places are opened before anything changes, so that a file that cannot be written leaves the old ones in use. Until
 * outputs_replace(), a place that both lists mean belongs to the old one. Its file stays open, and what waits for a receiver
 * goes on waiting.
 */
#include "report/outputs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "report/output.h"

struct eve_outputs {
	struct {
		struct output *output;
		bool ours; /* ours to close */
	} places[EVE_OUTPUTS_MAX];
	unsigned count;
	struct eve_counts gone; /* of those that were closed */
	char line[WRITER_LINE_MAX + 1];
};

static struct output *find(
        const struct eve_outputs *o, const struct eve_output *settings, const struct syslog_origin *origin)
{
	for (unsigned i = 0; o && i < o->count; i++)
		if (output_is(o->places[i].output, settings, origin))
			return o->places[i].output;
	return NULL;
}

/* 0 or -errno. */
static int add(struct eve_outputs *o, const struct eve_outputs *before, const struct eve_output *settings,
        const struct syslog_origin *origin)
{
	struct output *output = find(before, settings, origin);
	bool ours = !output;

	errno = ENOMEM;
	if (!output)
		output = output_open(settings, origin);
	if (!output)
		return -errno;
	o->places[o->count].output = output;
	o->places[o->count].ours = ours;
	o->count++;
	return 0;
}

/* What to do about a file of records that cannot be opened. */
static const char *fix(int error)
{
	static const struct {
		int error;
		const char *text;
	} fixes[] = {
		{ ENOENT, "make its folder (mkdir)" },
		{ EISDIR, "name a file in that folder" },
	};

	for (size_t i = 0; i < sizeof(fixes) / sizeof(fixes[0]); i++)
		if (fixes[i].error == error)
			return fixes[i].text;
	return "make its folder writable for posternd";
}

struct eve_outputs *outputs_open(
        const struct eve_outputs *before, const struct eve_settings *s, char *err, unsigned err_bytes)
{
	const struct eve_output first = { .format = s->format, .path = s->path };
	const struct syslog_origin origin = { .facility = s->facility, .pid = s->pid };
	struct eve_outputs *o = calloc(1, sizeof(*o));
	const struct eve_output *at = &first;
	int r = o ? add(o, before, at, &origin) : -ENOMEM;

	for (unsigned i = 0; r == 0 && i < s->more_count && i + 1 < EVE_OUTPUTS_MAX; i++) {
		at = &s->more[i];
		r = add(o, before, at, &origin);
	}
	if (r == 0)
		return o;
	snprintf(err, err_bytes, "cannot write records to %s: %s; %s, or change log.%s",
	        at->path && *at->path ? at->path : "nowhere", strerror(-r), fix(-r),
	        eve_format_name(at->format));
	outputs_close(o);
	errno = -r;
	return NULL;
}

void outputs_close(struct eve_outputs *o)
{
	if (!o)
		return;
	for (unsigned i = 0; i < o->count; i++)
		if (o->places[i].ours)
			output_close(o->places[i].output);
	free(o);
}

static void say(const char *what, const struct output *output)
{
	char name[OUTPUT_TEXT_MAX];

	if (*output_print(output, name))
		log_info("records %s to %s", what, name);
}

void outputs_replace(struct eve_outputs *before, struct eve_outputs *next)
{
	for (unsigned i = 0; i < next->count; i++) {
		if (next->places[i].ours)
			say("go", next->places[i].output);
		next->places[i].ours = true;
		for (unsigned k = 0; k < before->count; k++)
			if (before->places[k].output == next->places[i].output)
				before->places[k].ours = false;
	}
	for (unsigned k = 0; k < before->count; k++) {
		if (!before->places[k].ours)
			continue;
		(void)output_flush(before->places[k].output);
		output_count(before->places[k].output, &before->gone);
		say("go no longer", before->places[k].output);
	}
	before->gone.syslog.waiting = 0;
	next->gone = before->gone;
	outputs_close(before);
}

uint64_t outputs_put(struct eve_outputs *o, const json_t *record, bool alert)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < o->count; i++)
		bytes += output_put(o->places[i].output, record, alert, o->line);
	return bytes;
}

int outputs_reopen(struct eve_outputs *o)
{
	int failed = 0, r;

	for (unsigned i = 0; i < o->count; i++) {
		r = output_reopen(o->places[i].output);
		if (r)
			failed = r;
	}
	return failed;
}

int outputs_flush(struct eve_outputs *o)
{
	int failed = 0, r;

	for (unsigned i = 0; i < o->count; i++) {
		r = output_flush(o->places[i].output);
		if (r && output_is_file(o->places[i].output))
			failed = r; /* said and counted there, tried again at the next flush */
	}
	return failed;
}

void outputs_count(const struct eve_outputs *o, struct eve_counts *counts)
{
	counts->records = o->gone.records;
	counts->bytes = o->gone.bytes;
	counts->lost = o->gone.lost;
	counts->syslog = o->gone.syslog;
	for (unsigned i = 0; i < o->count; i++)
		output_count(o->places[i].output, counts);
}

uint64_t outputs_free_bytes(const struct eve_outputs *o, char name[OUTPUT_TEXT_MAX])
{
	uint64_t least = UINT64_MAX, bytes;

	for (unsigned i = 0; i < o->count; i++) {
		bytes = output_free_bytes(o->places[i].output);
		if (bytes >= least)
			continue;
		least = bytes;
		(void)output_print(o->places[i].output, name);
	}
	return least;
}

bool outputs_syslog_fault(const struct eve_outputs *o, char *text, unsigned text_bytes)
{
	struct eve_counts c = { .records = 0 };
	char name[OUTPUT_TEXT_MAX];
	int r = 0;

	for (unsigned i = 0; r == 0 && i < o->count; i++) {
		r = output_fault(o->places[i].output);
		if (r == 0)
			continue;
		output_count(o->places[i].output, &c);
		snprintf(text, text_bytes,
		        "the syslog receiver %s takes nothing: %s; %llu alerts wait, %llu are lost",
		        output_print(o->places[i].output, name), strerror(-r),
		        (unsigned long long)c.syslog.waiting, (unsigned long long)c.syslog.lost);
	}
	return r != 0;
}
