/* fuzz_reply.c - a server's bytes to lines to replies: whole, and byte by byte. */
#include "fuzz.h"
#include "smtp/line.h"
#include "smtp/reply.h"

enum { ROOM = 64, TOLD = 1 << 16 };

static struct reading {
	struct reply told[TOLD / 64];
	uint64_t offsets[TOLD / 64];
	uint8_t odd[TOLD / 64];
	unsigned count;
} whole, bytewise;

static void take_line(struct reading *r, struct reply *reply, struct line *l, const uint8_t *buffer)
{
	line_judge_bytes(l, buffer);
	FUZZ_CHECK(l->kept <= ROOM && l->kept <= l->length);
	if (r->count == sizeof(r->odd))
		return;
	r->odd[r->count] = l->odd;
	r->offsets[r->count] = l->offset;
	reply_push(reply, buffer, l->kept < REPLY_LINE_MAX ? l->kept : REPLY_LINE_MAX, l->length > l->kept);
	FUZZ_CHECK(reply->text.len <= EVENT_TEXT_MAX);
	r->told[r->count++] = *reply;
}

static void read_all(struct reading *r, const uint8_t *data, size_t size, size_t piece)
{
	uint8_t *buffer = malloc(ROOM), *copy;
	struct reply reply = { 0 };
	struct line l;
	size_t at, n;
	uint32_t done;

	memset(r, 0, sizeof(*r));
	line_init(&l);
	for (at = 0; at < size; at += n) {
		n = piece && piece < size - at ? piece : size - at;
		copy = input_copy(data + at, n);
		for (done = 0; done < n;) {
			uint32_t used =
			        line_push(&l, buffer, ROOM, copy + done, (uint32_t)n - done, at + done, 0);

			FUZZ_CHECK(used > 0 && used <= n - done);
			done += used;
			if (l.done)
				take_line(r, &reply, &l, buffer);
		}
		free(copy);
	}
	free(buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_all(&whole, data, size, 0);
	read_all(&bytewise, data, size, 1);
	FUZZ_CHECK(memcmp(&whole, &bytewise, sizeof(whole)) == 0);
	return 0;
}
