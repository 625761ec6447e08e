/* test_outputs.c - the places of records become others while records are written, and none is lost or written twice. */
#include "report/eve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "events.h"
#include "postern/finding.h"
#include "suite.h"

enum { PLACES = 3, PATH_BYTES = 96 };

static char folder[] = "/tmp/postern-outputs-XXXXXX";
static char paths[PLACES][PATH_BYTES];
static struct eve *eve;
static char err[256];

static struct eve_settings settings_of(const char *path)
{
	return (struct eve_settings) { .path = path, .host = "gw", .mode = "enforce", .connections = 16 };
}

static void begin(void)
{
	struct eve_settings s;

	if (strstr(folder, "XXXXXX"))
		CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	for (unsigned i = 0; i < PLACES; i++)
		snprintf(paths[i], PATH_BYTES, "%s/%u.json", folder, i);
	s = settings_of(paths[0]);
	eve = eve_open(&s, NULL, err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(eve);
}

static void end(void)
{
	eve_close(eve);
	for (unsigned i = 0; i < PLACES; i++)
		(void)unlink(paths[i]);
}

/* The last test of the suite. */
static void leave(void)
{
	CU_ASSERT_EQUAL(rmdir(folder), 0);
}

static void tell(void)
{
	struct finding f = { .id = FINDING_RELAY_ATTEMPT, .severity = 2, .time_us = EVENTS_START_US };

	eve_finding(eve, &f);
	CU_ASSERT_EQUAL(eve_flush(eve), 0);
}

/* -1 = there is no such file. */
static int lines_in(const char *path)
{
	FILE *f = fopen(path, "r");
	int lines = 0, c;

	if (!f)
		return -1;
	while ((c = fgetc(f)) != EOF)
		lines += c == '\n';
	fclose(f);
	return lines;
}

static void others_take_over(void)
{
	const struct eve_output more[] = { { .format = EVE_FORMAT_ECS, .path = paths[2] } };
	struct eve_outputs *next;
	struct eve_settings s;

	begin();
	tell();
	s = settings_of(paths[1]);
	s.more = more;
	s.more_count = 1;
	next = eve_open_outputs(eve, &s, err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(next);
	tell(); /* nothing has changed yet */
	CU_ASSERT_EQUAL(lines_in(paths[0]), 2);
	CU_ASSERT_EQUAL(lines_in(paths[1]), 0);
	eve_set_outputs(eve, next, false);
	tell();
	CU_ASSERT_EQUAL(lines_in(paths[0]), 2);
	CU_ASSERT_EQUAL(lines_in(paths[1]), 1);
	CU_ASSERT_EQUAL(lines_in(paths[2]), 1);
	CU_ASSERT_EQUAL(eve_counts(eve).records, 4); /* totals do not go back */
	end();
}

/* Its file was moved away: opened anew it would be there again. */
static void the_same_place_stays_open(void)
{
	const struct eve_output more[] = { { .format = EVE_FORMAT_ECS, .path = paths[2] } };
	struct eve_outputs *next;
	struct eve_settings s;

	begin();
	CU_ASSERT_EQUAL(rename(paths[0], paths[1]), 0);
	s = settings_of(paths[0]);
	s.more = more;
	s.more_count = 1;
	next = eve_open_outputs(eve, &s, err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(next);
	eve_set_outputs(eve, next, false);
	tell();
	CU_ASSERT_EQUAL(lines_in(paths[0]), -1);
	CU_ASSERT_EQUAL(lines_in(paths[1]), 1);
	CU_ASSERT_EQUAL(lines_in(paths[2]), 1);
	s.more_count = 0; /* and the other one goes */
	next = eve_open_outputs(eve, &s, err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(next);
	eve_set_outputs(eve, next, false);
	tell();
	CU_ASSERT_EQUAL(lines_in(paths[1]), 2);
	CU_ASSERT_EQUAL(lines_in(paths[2]), 1);
	end();
}

/* One place, another format: that is another output. */
static void another_format_is_another_output(void)
{
	struct eve_outputs *next;
	struct eve_settings s;

	begin();
	s = settings_of(paths[0]);
	s.format = EVE_FORMAT_CEF;
	next = eve_open_outputs(eve, &s, err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL_FATAL(next);
	eve_set_outputs(eve, next, false);
	tell();
	eve_event(eve, &(struct event) { .kind = EVENT_CLOSE });
	CU_ASSERT_EQUAL(eve_flush(eve), 0);
	CU_ASSERT_EQUAL(lines_in(paths[0]), 1); /* CEF has no words for connections */
	end();
}

static void what_cannot_be_opened_changes_nothing(void)
{
	const struct eve_output more[] = { { .format = EVE_FORMAT_CEF, .path = "/nonexistent/cef.log" } };
	struct eve_settings s;

	begin();
	s = settings_of(paths[1]);
	s.more = more;
	s.more_count = 1;
	CU_ASSERT_PTR_NULL(eve_open_outputs(eve, &s, err, sizeof(err)));
	CU_ASSERT_EQUAL(errno, ENOENT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "/nonexistent/cef.log"));
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "log.cef"));
	tell();
	s = settings_of(paths[0]); /* shared with what is in use */
	s.more = &(const struct eve_output) { .format = EVE_FORMAT_ECS, .path = paths[1] };
	s.more_count = 1;
	eve_close_outputs(eve_open_outputs(eve, &s, err, sizeof(err)));
	tell();
	CU_ASSERT_EQUAL(lines_in(paths[0]), 2);
	CU_ASSERT_EQUAL(lines_in(paths[1]), 0);
	end();
}

static void set_alerts_only(bool alerts_only)
{
	struct eve_settings s = settings_of(paths[0]);
	struct eve_outputs *next = eve_open_outputs(eve, &s, err, sizeof(err));

	CU_ASSERT_PTR_NOT_NULL_FATAL(next);
	eve_set_outputs(eve, next, alerts_only);
	CU_ASSERT_EQUAL(eve_flush(eve), 0);
}

static void push(struct event e)
{
	eve_event(eve, &e);
}

static void alerts_alone_from_now_on(void)
{
	begin();
	push(events_mail(0, 1, "<a@b>"));
	set_alerts_only(true);
	CU_ASSERT_EQUAL(lines_in(paths[0]), 1); /* lost */
	push(events_rcpt(0, 1, "<u@example.org>", 1, 250, "ok"));
	push(events_close(0, 1));
	tell();
	CU_ASSERT_EQUAL(lines_in(paths[0]), 2);
	set_alerts_only(false);
	push(events_mail(0, 1, "<a@b>"));
	push(events_tx_end(0, 1, END_COMPLETED));
	push(events_close(0, 1));
	CU_ASSERT_EQUAL(eve_flush(eve), 0);
	CU_ASSERT_EQUAL(lines_in(paths[0]), 4);
	end();
}

SUITE("outputs", { "others take over", others_take_over },
        { "the same place stays open", the_same_place_stays_open },
        { "another format is another output", another_format_is_another_output },
        { "what cannot be opened changes nothing", what_cannot_be_opened_changes_nothing },
        { "alerts alone from now on", alerts_alone_from_now_on }, { "leaves nothing", leave })
