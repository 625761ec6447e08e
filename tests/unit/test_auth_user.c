/* The user's name out of AUTH, and nothing of the password. */
#include <string.h>

#include "smtp/auth.h"
#include "suite.h"

static struct auth a;

static void begin(const char *argument)
{
	memset(&a, 0xaa, sizeof(a));
	auth_begin(&a, (const uint8_t *)argument, (uint32_t)strlen(argument));
}

static void respond(const char *response)
{
	auth_respond(&a, (const uint8_t *)response, (uint32_t)strlen(response));
}

static void expect(const char *user)
{
	CU_ASSERT_EQUAL(a.len, strlen(user));
	CU_ASSERT_EQUAL(memcmp(a.user, user, a.len), 0);
	CU_ASSERT_FALSE(a.cut);
	CU_ASSERT_PTR_NULL(memmem(a.user, sizeof(a.user), "sesame", 6));
}

static void each_mechanism(void)
{
	begin("PLAIN AGJvYgBzZXNhbWU=");
	expect("bob");
	begin("plain  YWRtaW4AYm9iAHNlc2FtZQ==");
	expect("bob");
	begin("PLAIN");
	expect("");
	respond("AGJvYgBzZXNhbWU=");
	expect("bob");
	begin("LOGIN Ym9i");
	expect("bob");
	respond("c2VzYW1l");
	expect("bob");
	begin("Login");
	respond("Ym9iQGV4YW1wbGUub3Jn");
	respond("c2VzYW1l");
	expect("bob@example.org");
	begin("CRAM-MD5");
	respond("Ym9iIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw");
	expect("bob");
}

static void what_is_none(void)
{
	begin("PLAIN =");
	expect("");
	begin("LOGIN");
	respond("*");
	expect("");
	begin("LOGIN");
	respond("");
	respond("c2VzYW1l"); /* the password of an empty name */
	expect("");
	begin("PLAIN c2VzYW1l"); /* no separator */
	expect("");
	begin("XOAUTH2 dXNlcj1ib2I=");
	respond("Ym9i");
	expect("");
	begin("");
	expect("");
	begin("PLAINER AGJvYgBzZXNhbWU=");
	expect("");
	respond("AGJvYgBzZXNhbWU=");
	expect("");
}

static void hostile_base64(void)
{
	char line[2048];

	begin("LOGIN Ym9i%%%%c2VzYW1l");
	expect("bob");
	begin("LOGIN Y");
	expect("");
	begin("LOGIN \xff\xfe");
	expect("");
	memset(line, 'Q', sizeof(line));
	memcpy(line, "LOGIN ", 6);
	memset(&a, 0, sizeof(a));
	auth_begin(&a, (const uint8_t *)line, sizeof(line));
	CU_ASSERT_EQUAL(a.len, AUTH_USER_MAX);
	CU_ASSERT_TRUE(a.cut);
	begin("PLAIN AGJvYgBzZXNhbWU="); /* and what came before is gone */
	expect("bob");
}

SUITE("auth_user", { "each mechanism", each_mechanism }, { "what is none", what_is_none },
        { "hostile base64", hostile_base64 })
