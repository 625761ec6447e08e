/* test_manual.c - the manual page of the configuration, and the page of the findings, are those that the tables make. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/keys.h"
#include "report/advice.h"
#include "suite.h"

/* The whole of a stream from its beginning; caller frees. */
static char *read_stream(FILE *f)
{
	static const size_t room = 256 * 1024;
	char *text = calloc(1, room);

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	rewind(f);
	CU_ASSERT(fread(text, 1, room - 1, f) < room - 1);
	return text;
}

static char *make_page(void (*print)(FILE *to))
{
	FILE *f = tmpfile();
	char *text;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	print(f);
	text = read_stream(f);
	fclose(f);
	return text;
}

/* run from the top of the tree, as `make` does */
static void is_kept(void (*print)(FILE *to), const char *path, const char *topic)
{
	char *made = make_page(print), *kept;
	FILE *f = fopen(path, "r");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	kept = read_stream(f);
	fclose(f);
	if (strcmp(made, kept) != 0)
		fprintf(stderr, "renew it: build/release/postern help %s > %s\n", topic, path);
	CU_ASSERT(strcmp(made, kept) == 0);
	free(made);
	free(kept);
}

static void pages_are_up_to_date(void)
{
	is_kept(conf_print_manual, "packaging/postern.conf.5", "postern.conf");
	is_kept(advice_print_page, "docs/FINDINGS.md", "findings");
}

/* Each line of advice stands at its finding, begins with that finding's weight and has no cell that is empty or breaks the table. */
static void advice_is_complete(void)
{
	for (unsigned i = 0; i < FINDING_KIND_COUNT; i++) {
		const struct advice *a = &advices[i];
		const char *const cells[] = { a->severity, a->meaning, a->cause, a->remedy };

		CU_ASSERT_EQUAL(a->id, finding_kind_at(i)->id);
		CU_ASSERT_EQUAL(a->severity[0], '0' + finding_kind_at(i)->severity);
		for (unsigned c = 0; c < sizeof(cells) / sizeof(cells[0]); c++) {
			CU_ASSERT(cells[c] && cells[c][0]);
			CU_ASSERT_PTR_NULL(strpbrk(cells[c], "|\n"));
		}
	}
}

static void page_names_every_key(void)
{
	char *made = make_page(conf_print_manual), item[80];
	size_t i;

	for (i = 0; i < key_count; i++) {
		snprintf(item, sizeof(item), ".It Ic %s\n", keys[i].name);
		CU_ASSERT_PTR_NOT_NULL(strstr(made, item));
	}
	CU_ASSERT_PTR_NULL(strstr(made, "(null)"));
	free(made);
}

SUITE("manual", { "the pages are up to date", pages_are_up_to_date },
        { "advice is complete", advice_is_complete }, { "the page names every key", page_names_every_key })
