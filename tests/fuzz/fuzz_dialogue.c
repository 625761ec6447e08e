/* fuzz_dialogue.c - both sides of a conversation, cut in three ways: whole, byte by byte, at random.
 *
 * The facts must be the same; every command must be back in the pool at the end. The first byte of the
 * input: 1 = picked up in the middle, 2 = recipients with an 'f' in their path are refused, 4 = a pool of
 * three commands. Orders: C, S; g N, N bytes of this side are lost; D, the transaction is deferred.
 */
#include <stdarg.h>

#include "fuzz.h"
#include "smtp/dialogue.h"

enum { TOLD_ROOM = 1 << 22, CUTS = 3 };

static struct play {
	char told[TOLD_ROOM]; /* facts as text; of letters to be changed, one line each */
	size_t len;
	uint64_t offset[2]; /* bytes of each side so far */
	bool refuses;
	uint32_t noise;
} plays[CUTS];

static void tell(struct play *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void tell(struct play *p, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	p->len += (size_t)vsnprintf(p->told + p->len, TOLD_ROOM - p->len, format, args);
	va_end(args);
	FUZZ_CHECK(p->len < TOLD_ROOM);
}

static void tell_bytes(struct play *p, const char *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		tell(p, bytes[i] > ' ' && bytes[i] < 0x7f ? "%c" : "\\x%02x", (unsigned char)bytes[i]);
}

static void tell_reply(struct play *p, const struct smtp_fact *f)
{
	const struct smtp_command *c = f->command;

	tell(p, "reply %u lines %u tx %u final %u starttls %u ", f->reply.code, f->reply.lines, f->tx_id,
	        f->final_data, f->starttls_offered);
	tell_bytes(p, f->reply.text.bytes, f->reply.text.len);
	if (c) {
		FUZZ_CHECK(c->verb < SMTP_VERB_COUNT);
		tell(p, " to %s tx %u #%u at %llu size %llu%s%s ", smtp_verb_name(c->verb), c->tx_id,
		        c->rcpt_index, (unsigned long long)c->offset, (unsigned long long)c->size_bytes,
		        c->pipelined ? " pipelined" : "", c->judgement.refused ? " refused" : "");
		tell_bytes(p, c->path.bytes, c->path.len);
	}
	tell(p, "\n");
}

/* at: stream offset that the fact's `at` counts from; left: bytes of the piece from there on. */
static void tell_fact(
        struct play *p, struct dialogue *d, const struct smtp_fact *f, uint64_t at, uint32_t left)
{
	uint32_t i;

	if (f->kind == SMTP_FACT_DEFER || f->kind == SMTP_FACT_MASK)
		FUZZ_CHECK(f->at + f->len <= left);
	switch (f->kind) {
	case SMTP_FACT_NONE:
		break;
	case SMTP_FACT_RECIPIENT:
		tell(p, "recipient tx %u verb %llu end %llu%s ", f->command->tx_id,
		        (unsigned long long)f->verb_offset, (unsigned long long)f->path_end_offset,
		        f->late ? " late" : "");
		tell_bytes(p, f->path, f->path_len);
		tell(p, "\n");
		FUZZ_CHECK(f->path_len <= SMTP_LINE_MAX);
		if (p->refuses && !f->late && memchr(f->path, 'f', f->path_len))
			dialogue_refuse(d, f->command);
		break;
	case SMTP_FACT_DEFER:
		for (i = 0; i < f->len; i++)
			tell(p, "defer %llu %c\n", (unsigned long long)(at + f->at + i),
			        i < strlen(f->text) ? f->text[i] : ' '); /* blanks behind it */
		if (f->len == 0)
			tell(p, "defer too late\n");
		break;
	case SMTP_FACT_MASK:
		for (i = 0; i < f->len; i++)
			tell(p, "mask %llu %u\n", (unsigned long long)(at + f->at + i), f->line_at + i);
		break;
	case SMTP_FACT_REPLY:
		tell_reply(p, f);
		break;
	case SMTP_FACT_TX_END:
		tell(p, "end tx %u %d\n", f->tx_id, (int)f->end);
		break;
	case SMTP_FACT_TLS:
		tell(p, "tls %04x %u ", f->tls.version, f->tls.implicit);
		tell_bytes(p, f->tls.sni.bytes, f->tls.sni.len);
		tell(p, "\n");
		break;
	case SMTP_FACT_EOD:
		FUZZ_CHECK(f->eod.what < EOD_COUNT && f->eod.bytes.len <= EVENT_TEXT_MAX);
		tell(p, "eod %u tx %u at %llu of %u hides %s at %llu%s ", f->eod.what, f->tx_id,
		        (unsigned long long)f->eod.offset, f->eod.count, f->eod.verb,
		        (unsigned long long)f->eod.verb_offset, f->late ? " late" : "");
		tell_bytes(p, f->eod.bytes.bytes, f->eod.bytes.len);
		tell(p, "\n");
		break;
	case SMTP_FACT_ODD:
		FUZZ_CHECK(f->odd.what < ODD_COUNT && f->odd.bytes.len <= EVENT_TEXT_MAX);
		tell(p, "odd %u side %u at %llu unexplained %u ", f->odd.what, f->odd.side,
		        (unsigned long long)f->odd.offset, f->odd.unexplained);
		tell_bytes(p, f->odd.bytes.bytes, f->odd.bytes.len);
		tell(p, "\n");
		break;
	}
}

static void push_piece(
        struct play *p, struct dialogue *d, enum smtp_side side, const uint8_t *bytes, uint32_t len)
{
	uint8_t *copy = input_copy(bytes, len);
	uint32_t at = 0, used;
	struct smtp_fact f;

	do {
		dialogue_push(d, side, copy + at, len - at, 1000, &used, &f);
		FUZZ_CHECK(used <= len - at);
		tell_fact(p, d, &f, p->offset[side] + at, len - at);
		at += used;
	} while (f.kind != SMTP_FACT_NONE);
	FUZZ_CHECK(at == len);
	p->offset[side] += len;
	free(copy);
}

/* cut: 0 = whole, 1 = byte by byte, 2 = at random. */
static uint32_t piece_bytes(struct play *p, unsigned cut, size_t left)
{
	p->noise = p->noise * 1664525 + 1013904223;
	if (cut == 0)
		return (uint32_t)left;
	return cut == 1 ? 1 : (uint32_t)((p->noise >> 16) % (left < 40 ? left : 40) + 1);
}

static void play(struct play *p, unsigned cut, struct input in)
{
	uint8_t options = input_byte(&in);
	struct slab *pool = smtp_pool_new(options & 4 ? 3 : 40);
	struct dialogue *d = aligned_alloc(16, (dialogue_size() + 15) & ~15u);
	enum smtp_side side = SMTP_SERVER;
	struct smtp_fact f;
	struct step s;
	uint32_t n;

	p->told[0] = '\0';
	p->len = 0;
	p->offset[0] = p->offset[1] = 0;
	p->refuses = options & 2;
	p->noise = (uint32_t)in.left;
	FUZZ_CHECK(pool && d);
	dialogue_init(d, pool, options & 1);
	while (input_step(&in, "CSgD", &s)) {
		if (s.order == 'C' || s.order == 'S') {
			side = s.order == 'C' ? SMTP_CLIENT : SMTP_SERVER;
		} else if (s.order == 'D') {
			dialogue_defer(d);
		} else if (s.order == 'g') {
			dialogue_gap(d, side, s.number);
			p->offset[side] += s.number;
		}
		for (; s.len > 0; s.text += n, s.len -= n) {
			n = piece_bytes(p, cut, s.len);
			push_piece(p, d, side, s.text, n);
		}
	}
	tell(p, "certain %d body %d awaits %d auth %d tls %d blind %d\n", dialogue_is_certain(d),
	        dialogue_in_body(d), dialogue_awaits_end_reply(d), dialogue_is_authenticated(d),
	        dialogue_is_tls(d), dialogue_is_blind(d));
	while (dialogue_end(d, END_CLOSED, 2000, &f) != SMTP_FACT_NONE)
		tell_fact(p, d, &f, 0, 0);
	dialogue_fini(d);
	FUZZ_CHECK(slab_used(pool) == 0);
	free(d);
	slab_free(pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	unsigned cut;

	for (cut = 0; cut < CUTS; cut++) {
		play(&plays[cut], cut, in);
		if (plays[cut].len == plays[0].len &&
		        memcmp(plays[cut].told, plays[0].told, plays[0].len) == 0)
			continue;
		fprintf(stderr, "---- whole:\n%s---- cut %s:\n%s", plays[0].told,
		        cut == 1 ? "byte by byte" : "at random", plays[cut].told);
		FUZZ_CHECK(!"the facts are the same however the bytes are cut");
	}
	return 0;
}
