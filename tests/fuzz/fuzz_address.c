/* fuzz_address.c - any bytes as a forward-path. Every hop is a terminated, lower-case domain that is read
 * again as itself. */
#include <ctype.h>

#include "fuzz.h"
#include "smtp/address.h"

static void check_hop(const struct smtp_hop *hop)
{
	size_t i;

	FUZZ_CHECK(hop->len < SMTP_DOMAIN_MAX && hop->domain[hop->len] == '\0');
	for (i = 0; i < hop->len; i++)
		FUZZ_CHECK(!isupper((unsigned char)hop->domain[i]));
	FUZZ_CHECK(hop->len < 2 || hop->domain[hop->len - 1] != '.');
	FUZZ_CHECK(!hop->literal || hop->domain[0] == '[');
}

/* "<x@domain>" of a hop that a plain path may have: the same domain, and the only hop. */
static void check_again(const struct smtp_hop *hop)
{
	struct smtp_address again;
	char path[SMTP_DOMAIN_MAX + 8];
	size_t i;

	for (i = 0; i < hop->len; i++)
		if (!isalnum((unsigned char)hop->domain[i]) &&
		        (i == 0 || (hop->domain[i] != '.' && hop->domain[i] != '-')))
			return;
	if (hop->len == 0)
		return;
	snprintf(path, sizeof(path), "<x@%s>", hop->domain);
	smtp_address_parse(path, strlen(path), &again);
	FUZZ_CHECK(again.hop_count == 1 && strcmp(again.hops[0].domain, hop->domain) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *path = (char *)input_copy(data, size);
	struct smtp_address a, b;
	unsigned i;

	memset(&a, 0xa5, sizeof(a));
	memset(&b, 0x5a, sizeof(b));
	smtp_address_parse(path, size, &a);
	smtp_address_parse(path, size, &b);
	FUZZ_CHECK(a.hop_count <= SMTP_HOPS_MAX && a.hop_count == b.hop_count && a.form == b.form);
	FUZZ_CHECK(smtp_form_name(a.form) != NULL);
	for (i = 0; i < a.hop_count; i++) {
		FUZZ_CHECK(strcmp(a.hops[i].domain, b.hops[i].domain) == 0);
		check_hop(&a.hops[i]);
		check_again(&a.hops[i]);
	}
	free(path);
	return 0;
}
