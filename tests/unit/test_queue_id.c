/* Queue ids in the replies of the servers in common use, and in replies that have none. */
#include "report/queue_id.h"

#include <string.h>

#include "suite.h"

static const struct {
	const char *text, *id; /* NULL = none */
} cases[] = {
	{ "2.0.0 Ok: queued as 4bYx3k1Zz5z9", "4bYx3k1Zz5z9" },
	{ "OK id=1tDxyz-000000004Rj-1a2b", "1tDxyz-000000004Rj-1a2b" },
	{ "2.0.0 4ALIaBcD012345 Message accepted for delivery", "4ALIaBcD012345" },
	{ "2.0.0 5f1c2b3a Message accepted for delivery", "5f1c2b3a" },
	{ "2.6.0 <a@b> [InternalId=12345, Hostname=mail] Queued mail for delivery", "12345" },
	{ "2.0.0 OK  1732214167 5b1f17b1804b1-432.12 - gsmtp", "5b1f17b1804b1-432.12" },
	{ "Message Queued (A1B2C3.1)", "A1B2C3.1" },
	{ "ok 1732214167 qp 4711", "4711" },
	{ "2.0.0 Message accepted for delivery", NULL },
	{ "2.0.0 Ok", NULL },
	{ "Ok: queued as ", NULL },
	{ "", NULL },
	{ "queued as 012345678901234567890123456789012345678901234567890123456789012345678901234567890",
	        NULL },
};

static void finds_the_known_shapes(void)
{
	const char *id;
	size_t i, len;
	bool found;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		found = queue_id_find(cases[i].text, strlen(cases[i].text), &id, &len);
		CU_ASSERT_EQUAL(found, cases[i].id != NULL);
		if (!found || !cases[i].id)
			continue;
		CU_ASSERT_EQUAL_FATAL(len, strlen(cases[i].id));
		CU_ASSERT_EQUAL(memcmp(id, cases[i].id, len), 0);
	}
}

SUITE("queue_id", { "finds the known shapes", finds_the_known_shapes })
