/* test_privacy_key.c - the key of the hashes is made once, for its owner alone, and what cannot be kept is told. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posternd/privacy_key.h"
#include "suite.h"

static char folder[] = "/tmp/postern-key-XXXXXX";
static char store[64], kept[64];

static struct conf conf_of(bool records, bool alerts)
{
	struct conf c = { 0 };

	if (strstr(folder, "XXXXXX"))
		CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(store, sizeof(store), "%s/postern.db", folder);
	snprintf(kept, sizeof(kept), "%s/privacy.key", folder);
	c.store.path = store;
	c.privacy.records = records;
	c.privacy.alerts = alerts;
	return c;
}

static void nothing_is_made_for_nothing(void)
{
	struct conf c = conf_of(false, false);
	struct privacy p;
	char err[512];

	privacy_key_open(&p, &c, true, err, sizeof(err));
	CU_ASSERT_STRING_EQUAL(err, "");
	CU_ASSERT_EQUAL(access(kept, F_OK), -1);
}

static void who_only_reads_makes_none(void)
{
	struct conf c = conf_of(true, false);
	struct privacy a, b;
	char err[512];

	privacy_key_open(&a, &c, false, err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL(strstr(err, "privacy.key: No such file or directory"));
	CU_ASSERT_EQUAL(access(kept, F_OK), -1);
	privacy_key_open(&b, &c, false, err, sizeof(err));
	CU_ASSERT_NOT_EQUAL(memcmp(a.key, b.key, sizeof(a.key)), 0);
}

static void the_key_is_made_once(void)
{
	struct conf c = conf_of(false, true);
	struct privacy a, b;
	struct stat st;
	char err[512];

	privacy_key_open(&a, &c, true, err, sizeof(err));
	CU_ASSERT_STRING_EQUAL(err, "");
	CU_ASSERT(a.alerts && !a.records);
	CU_ASSERT_EQUAL_FATAL(stat(kept, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
	privacy_key_open(&b, &c, false, err, sizeof(err));
	CU_ASSERT_STRING_EQUAL(err, "");
	CU_ASSERT_EQUAL(memcmp(a.key, b.key, sizeof(a.key)), 0);
}

static void a_damaged_key_is_told_and_kept(void)
{
	struct conf c = conf_of(true, true);
	struct privacy p;
	struct stat st;
	char err[512];

	CU_ASSERT_EQUAL(truncate(kept, 5), 0);
	privacy_key_open(&p, &c, true, err, sizeof(err));
	CU_ASSERT_PTR_NOT_NULL(
	        strstr(err, "privacy.key: Invalid argument; the hashes of local parts are of this run"));
	CU_ASSERT_EQUAL_FATAL(stat(kept, &st), 0);
	CU_ASSERT_EQUAL(st.st_size, 5);
}

static void remove_files(void)
{
	remove(kept);
	CU_ASSERT_EQUAL(rmdir(folder), 0);
}

SUITE("privacy key", { "nothing is made for nothing", nothing_is_made_for_nothing },
        { "who only reads makes none", who_only_reads_makes_none },
        { "the key is made once", the_key_is_made_once },
        { "a damaged key is told and kept", a_damaged_key_is_told_and_kept },
        { "nothing is left behind", remove_files })
