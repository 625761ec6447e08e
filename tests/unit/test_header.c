/* The header of a message: Message-ID, and what Received lines show; the same however it is cut. */
#include "smtp/header.h"

#include <stdio.h>
#include <string.h>

#include "guard.h"
#include "suite.h"

/* "ID|leak leak", leaks that are names with a star. */
static void summarise(const struct header *h, char *out, size_t room)
{
	unsigned i;
	int n = snprintf(out, room, "%.*s|", h->message_id.len, h->message_id.bytes);

	for (i = 0; i < h->leak_count; i++)
		n += snprintf(out + n, room - (size_t)n, "%s%s%s", i ? " " : "",
		        h->leaks[i].is_name ? "*" : "", h->leaks[i].text);
}

static void check(const char *text, const char *want)
{
	uint32_t len = (uint32_t)strlen(text), cut, at, n;
	static struct header h;
	char got[1024];

	for (cut = 1; cut <= len; cut++) {
		memset(&h, 0xa5, sizeof(h));
		header_begin(&h);
		for (at = 0; at < len; at += n) {
			uint8_t *piece;

			n = len - at < cut ? len - at : cut;
			piece = guard_copy(text + at, n);
			header_push(&h, piece, n);
			guard_free(piece, n);
		}
		summarise(&h, got, sizeof(got));
		if (strcmp(got, want) != 0)
			printf("cut %u: %s\nwanted: %s\n", cut, got, want);
		CU_ASSERT_STRING_EQUAL(got, want);
		if (strcmp(got, want) != 0)
			return;
	}
}

static void finds_the_message_id(void)
{
	check("Message-ID: <1@x>\r\n\r\n", "<1@x>|");
	check("message-id:<1@x> \t\r\n\r\n", "<1@x>|");
	check("Subject: x\r\nMESSAGE-ID:\r\n  <1@x>\r\nMessage-ID: <2@x>\r\n\r\n", "<1@x>|");
	check("Message-ID: <1@x>\r\n more\r\n\r\n", "<1@x>|");
	check("Message-ID: <1@x>\nTo: a\n\nMessage-ID: <2@x>\n", "<1@x>|");
	check("Message-IDs: <1@x>\r\nX-Message-ID: <1@x>\r\n Message-ID: <1@x>\r\n\r\n", "|");
	check("\r\nMessage-ID: <1@x>\r\n\r\n", "|");
	check("Message-ID", "|");
	check("Message-ID: <1", "<1|");
}

static void sees_what_received_lines_show(void)
{
	check("Received: from pc7.lan (pc7.lan [192.168.20.7])\r\n\tby mx.example.org with ESMTP id 4AbC\r\n"
	      "\tfor <a@b.example>; Sat, 21 Nov 2026 23:45:10 +0000 (UTC)\r\nMessage-ID: <1@x>\r\n\r\n",
	        "<1@x>|*pc7.lan *pc7.lan 192.168.20.7");
	check("Received: from [10.1.2.3] by x\r\n\r\n", "|10.1.2.3");
	check("RECEIVED: from a ([IPv6:fd00:25::7])\r\n\r\n", "|fd00:25::7");
	check("Received: from a ([203.0.113.7])\r\nReceived: from b.internal ([172.16.0.1])\r\n"
	      "Received: from c ([172.32.0.1]) by d [100.64.0.1]\r\n\r\n",
	        "|172.16.0.1 100.64.0.1");
	check("X-Received: from [10.1.2.3]\r\nSubject: [10.1.2.3]\r\n [10.1.2.4]\r\n\r\nReceived: "
	      "[10.1.2.5]\r\n",
	        "|");
	check("Received: from localhost (localhost [127.0.0.1]) by local.example\r\n\r\n", "|");
	check("Received: 10.0.0.1 10.0.0.2 10.0.0.3\r\n 10.0.0.4 10.0.0.5\r\n\r\n",
	        "|10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4");
	check("Received: from "
	      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.lan\r\n\r\n",
	        "|");
}

static void ends(void)
{
	static struct header h;

	header_begin(&h);
	CU_ASSERT(!header_is_over(&h));
	header_push(&h, (const uint8_t *)"A: b\r\n", 6);
	CU_ASSERT(!header_is_over(&h));
	header_push(&h, (const uint8_t *)"\r\n", 2);
	CU_ASSERT(header_is_over(&h));
	header_begin(&h);
	header_end(&h);
	header_push(&h, (const uint8_t *)"Message-ID: <1@x>\r\n", 19);
	CU_ASSERT(h.message_id.len == 0);
}

SUITE("header", { "finds the Message-ID", finds_the_message_id },
        { "sees what Received lines show", sees_what_received_lines_show }, { "ends", ends })
