/* test_protocol.c - lines of the control socket: what is taken, and what is said about the others. */
#include "posternd/protocol.h"

#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "suite.h"

static json_t *read_text(const char *text, char why[PROTOCOL_WHY_MAX])
{
	size_t len = strlen(text);

	return protocol_read((const char *)guard_copy(text, len), len, why);
}

static void takes_a_request(void)
{
	char why[PROTOCOL_WHY_MAX];
	json_t *m = read_text("{\"postern\":1,\"command\":\"why\",\"address\":\"192.0.2.1\",\"n\":7}", why);

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_STRING_EQUAL(protocol_command(m), "why");
	CU_ASSERT_STRING_EQUAL(protocol_text(m, "address"), "192.0.2.1");
	CU_ASSERT_EQUAL(protocol_number(m, "n", -1), 7);
	CU_ASSERT_EQUAL(protocol_number(m, "address", -1), -1);
	CU_ASSERT_PTR_NULL(protocol_text(m, "n"));
	json_decref(m);
}

static void refuses_what_is_none(void)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{ "", "no JSON object" },
		{ "status", "no JSON object" },
		{ "[1]", "no JSON object" },
		{ "\"postern\"", "no JSON object" },
		{ "{\"postern\":1,\"command\":\"status\"", "no JSON object" },
		{ "{\"postern\":1,\"postern\":1,\"command\":\"status\"}", "no JSON object" },
		{ "{\"postern\":1,\"command\":\"status\"} {}", "no JSON object" },
		{ "{\"postern\":1,\"command\":\"\xff\"}", "no JSON object" },
		{ "{}", "no version" },
		{ "{\"postern\":\"1\",\"command\":\"status\"}", "no version" },
		{ "{\"postern\":2,\"command\":\"status\"}", "another version" },
		{ "{\"postern\":1}", "no command" },
		{ "{\"postern\":1,\"command\":7}", "no command" },
		{ "{\"postern\":1,\"command\":\"\"}", "no command" },
		{ "{\"postern\":1,\"command\":\"Status\"}", "no command" },
		{ "{\"postern\":1,\"command\":\"../x\"}", "no command" },
		{ "{\"postern\":1,\"command\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}", "no command" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char why[PROTOCOL_WHY_MAX] = "";
		json_t *m = read_text(cases[i].line, why);

		CU_ASSERT_PTR_NULL(m);
		if (!strstr(why, cases[i].why)) {
			printf("\n%s: %s\n", cases[i].line, why);
			CU_FAIL("it says something else");
		}
		json_decref(m);
	}
}

/* Nesting is bounded by the library, and must not end the process. */
static void survives_nesting(void)
{
	enum { DEEP = PROTOCOL_REQUEST_MAX };
	char *text = malloc(DEEP), why[PROTOCOL_WHY_MAX] = "";

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	memset(text, '[', DEEP);
	CU_ASSERT_PTR_NULL(protocol_read(text, DEEP, why));
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "no JSON object"));
	free(text);
}

static void prints_one_line(void)
{
	json_t *m = protocol_new("status");
	size_t len = 0;
	char *line;

	protocol_set_error(m, 1, "a line\nbreak, and \"%s\"", "quotes");
	line = protocol_print(m, &len);
	CU_ASSERT_PTR_NOT_NULL_FATAL(line);
	CU_ASSERT_EQUAL(memchr(line, '\n', len), line + len - 1);
	CU_ASSERT_EQUAL(strncmp(line,
	                        "{\"postern\":1,\"command\":\"status\",\"error\":\"a line\\nbreak, and "
	                        "\\\"quotes\\\"\",\"exit\":1}\n",
	                        len),
	        0);
	free(line);
}

/* What a client sends is quoted, and may be cut within a letter. */
static void an_error_is_never_lost(void)
{
	json_t *m = protocol_new("why");

	protocol_set_error(m, 2, "\"%.4s\" is no address", "abc\xc3\xa9");
	CU_ASSERT_PTR_NOT_NULL_FATAL(protocol_text(m, "error"));
	CU_ASSERT_STRING_EQUAL(protocol_text(m, "error"), "\"abc\\xc3\" is no address");
	json_decref(m);
}

SUITE("protocol", { "takes a request", takes_a_request }, { "refuses what is none", refuses_what_is_none },
        { "survives nesting", survives_nesting }, { "prints one line", prints_one_line },
        { "an error is never lost", an_error_is_never_lost })
