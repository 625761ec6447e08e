/* fuzz_dns.c - what comes from the DNS, or from the file that keeps it. The first byte says which reader:
 *
 *   0  a record's data, as each type             names are fine and lower case, text fits and has no zero
 *   1  an SPF record through the walk            terms end, and stay ended; domains are fine, prefixes have no bits behind
 *   2  the lines of the file of upstreams        they get a right sum; what was read is printed, and read again as the same
 *   3  answers of a DNS list, 4 bytes each       codes are of 127.0.0.0/8 unless it is said that they are none
 *
 * What comes from a record is printed into logs and asked for, so names in it may hold nothing else than names do.
 */
#include <inttypes.h>

#include "base/hash.h"
#include "dns/listing.h"
#include "dns/rdata.h"
#include "dns/spf.h"
#include "dns/state.h"
#include "dns/walk.h"
#include "fuzz.h"

static void is_name(const char *name)
{
	FUZZ_CHECK(dns_name_is_fine(name));
	for (; *name; name++)
		FUZZ_CHECK(*name < 'A' || *name > 'Z');
}

static void read_data(const uint8_t *bytes, size_t size)
{
	const struct dns_rdata r = { bytes, (unsigned)size };
	const struct dns_answer a = { .status = DNS_OK, .data = &r, .count = 1 };
	char name[DNS_NAME_MAX], text[SPF_TEXT_MAX], reason[LISTING_TEXT_MAX];
	uint16_t preference;
	struct addr addr;

	(void)rdata_read_addr(&r, &addr);
	if (rdata_read_mx(&r, &preference, name) && strcmp(name, ".") != 0)
		is_name(name);
	if (rdata_read_text(&r, text, sizeof(text)))
		FUZZ_CHECK(strlen(text) < sizeof(text) && strlen(text) <= size);
	FUZZ_CHECK(listing_read_text(&a, reason) <= sizeof(reason));
}

static void read_terms(const char *text)
{
	struct spf_term t;
	struct spf spf;

	spf_begin(&spf, text);
	for (size_t n = 0; spf_next(&spf, &t), t.kind != SPF_END && t.kind != SPF_BAD; n++) {
		struct addr masked = addr_mask(&t.prefix.addr, t.prefix.bits);

		FUZZ_CHECK(n <= strlen(text));
		if (t.kind == SPF_PREFIX)
			FUZZ_CHECK(t.prefix.bits <= 128 && addr_compare(&masked, &t.prefix.addr) == 0);
		else if (t.kind != SPF_IGNORED && t.domain[0])
			is_name(t.domain);
	}
	spf_next(&spf, &t);
	FUZZ_CHECK(t.kind == SPF_END || t.kind == SPF_BAD);
}

/* The text as a record, in strings of 255 bytes. */
static size_t wire_text(const char *text, uint8_t *out)
{
	size_t left = strlen(text), at = 0;

	do {
		size_t n = left < UINT8_MAX ? left : UINT8_MAX;

		out[at++] = (uint8_t)n;
		memcpy(out + at, text, n);
		at += n;
		text += n;
		left -= n;
	} while (left > 0);
	return at;
}

static void read_spf(const uint8_t *bytes, size_t size)
{
	const struct walk_settings s = { .source = DNS_SPF_OF, .name = "example.org" };
	char text[SPF_TEXT_MAX] = "v=spf1 ";
	uint8_t data[2 * SPF_TEXT_MAX];
	struct walk *w = walk_new(&s);
	struct walk_question q;
	struct dns_rdata r;
	unsigned id;
	size_t count;

	for (size_t i = strlen(text), k = 0; k < size && i + 1 < sizeof(text); k++)
		if (bytes[k])
			text[i++] = (char)bytes[k];
	FUZZ_CHECK(spf_is(text));
	read_terms(text);
	r = (struct dns_rdata) { data, (unsigned)wire_text(text, data) };
	while (walk_next(w, &q, &id)) { /* whoever is asked has the same record, or nothing */
		is_name(q.name);
		walk_answer(w, id,
		        &(const struct dns_answer) {
		                .status = q.type == DNS_TXT ? DNS_OK : DNS_EMPTY, .data = &r, .count = 1 });
	}
	FUZZ_CHECK(walk_is_done(w));
	(void)walk_found(w, &count);
	FUZZ_CHECK(count <= WALK_FOUND_MAX);
	walk_free(w);
}

static char *print(const struct upstream *u)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	FUZZ_CHECK(to && state_print(u, 1, to) == 0 && fclose(to) == 0);
	return text;
}

static void begin(struct upstream *u)
{
	*u = (struct upstream) { .title = "isp", .grace_s = 60, .refresh_s = 60 };
	FUZZ_CHECK(upstream_add_root(u, DNS_MX_OF, "example.org") == 0);
	FUZZ_CHECK(upstream_add_root(u, DNS_HOSTS, "mx.example.org") == 0);
}

static void read_state(const uint8_t *bytes, size_t size)
{
	static const uint8_t key[HASH_KEY_BYTES];
	static const char head[] = "postern upstreams 1\n";
	size_t len = strlen(head) + size + 1, i;
	char *text = malloc(len + 64), *first, *again;
	struct upstream a, b;

	memcpy(text, head, strlen(head));
	memcpy(text + strlen(head), bytes, size);
	text[len - 1] = '\n';
	for (i = 0; i < len; i++)
		text[i] = text[i] ? text[i] : ' ';
	sprintf(text + len, "end %016" PRIx64 "\n", hash_bytes(key, text, len));
	begin(&a);
	begin(&b);
	if (state_read(&a, 1, text) == 0) {
		first = print(&a);
		again = strdup(first);
		FUZZ_CHECK(state_read(&b, 1, again) == 0);
		free(again);
		again = print(&b);
		FUZZ_CHECK(strcmp(first, again) == 0);
		free(first);
		free(again);
	}
	upstream_fini(&a);
	upstream_fini(&b);
	free(text);
}

static void read_list(const uint8_t *bytes, size_t size)
{
	enum { ANSWERS_MAX = 64 };
	struct dns_rdata data[ANSWERS_MAX];
	struct dns_answer a = { .status = DNS_OK, .data = data };
	const struct codes all = { .count = 0 };
	struct listing l;

	for (; size > 0 && a.count < ANSWERS_MAX; a.count++) {
		size_t n = size < 4 ? size : 4;

		data[a.count] = (struct dns_rdata) { bytes, (unsigned)n };
		bytes += n;
		size -= n;
	}
	listing_read(&a, &all, &l);
	FUZZ_CHECK(l.count <= LISTING_CODES_MAX && (l.count > 0) == (l.verdict != LISTING_NO));
	for (unsigned i = 0; i < l.count; i++) {
		FUZZ_CHECK(l.verdict == LISTING_NONSENSE || l.codes[i] >> 24 == 127);
		FUZZ_CHECK(i == 0 || l.codes[i - 1] <= l.codes[i]);
		FUZZ_CHECK(codes_is_error(l.codes[i]) == (l.verdict == LISTING_REFUSED));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const readers[])(
	        const uint8_t *, size_t) = { read_data, read_spf, read_state, read_list };
	struct input in = { data, size };
	uint8_t which = input_byte(&in) % 4;
	uint8_t *copy = input_copy(in.at, in.left);

	readers[which](copy, in.left);
	free(copy);
	return 0;
}
