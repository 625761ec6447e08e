/* test_manual.c - the manual page of the configuration is the one that the key table makes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/keys.h"
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

static char *make_manual(void)
{
	FILE *f = tmpfile();
	char *text;

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	conf_print_manual(f);
	text = read_stream(f);
	fclose(f);
	return text;
}

/* run from the top of the tree, as `make` does */
static void page_is_up_to_date(void)
{
	char *made = make_manual(), *kept;
	FILE *f = fopen("packaging/postern.conf.5", "r");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	kept = read_stream(f);
	fclose(f);
	if (strcmp(made, kept) != 0)
		fputs("renew it: build/release/postern help postern.conf > packaging/postern.conf.5\n",
		        stderr);
	CU_ASSERT(strcmp(made, kept) == 0);
	free(made);
	free(kept);
}

static void page_names_every_key(void)
{
	char *made = make_manual(), item[80];
	size_t i;

	for (i = 0; i < key_count; i++) {
		snprintf(item, sizeof(item), ".It Ic %s\n", keys[i].name);
		CU_ASSERT_PTR_NOT_NULL(strstr(made, item));
	}
	CU_ASSERT_PTR_NULL(strstr(made, "(null)"));
	free(made);
}

SUITE("manual", { "the page is up to date", page_is_up_to_date },
        { "the page names every key", page_names_every_key })
