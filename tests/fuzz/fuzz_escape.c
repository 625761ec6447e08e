/* fuzz_escape.c - any bytes to text and back: nothing lost, and the text is UTF-8 without controls (the JSON
 * library, which takes valid UTF-8 only, has a say). */
#include <jansson.h>

#include "fuzz.h"
#include "report/escape.h"

/* The characters of escape.h, spelled out: C1 controls, line and paragraph ends, turns of direction. */
static bool steers(const unsigned char *p, size_t left)
{
	if (p[0] < ' ' || p[0] == 0x7f)
		return true;
	if (left > 1 && p[0] == 0xc2)
		return p[1] < 0xa0;
	if (left < 3 || p[0] != 0xe2)
		return false;
	return (p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae) ||
	       (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = (char *)input_copy(data, size), *text = malloc(ESCAPE_GROWTH * size + 1);
	char *back = malloc(ESCAPE_GROWTH * size + 1);
	size_t len = escape_bytes(text, bytes, size), i;
	json_t *json = json_stringn(text, len);

	FUZZ_CHECK(len <= ESCAPE_GROWTH * size && json);
	for (i = 0; i < len; i++)
		FUZZ_CHECK(!steers((const unsigned char *)text + i, len - i));
	FUZZ_CHECK(escape_undo(back, text, len) == size && memcmp(back, bytes, size) == 0);
	FUZZ_CHECK(escape_undo(back, bytes, size) <= size); /* what is no escaped text, too */
	json_decref(json);
	free(bytes);
	free(text);
	free(back);
	return 0;
}
