/* fuzz_kernel.c - any bytes as what the kernel tells about changes of nf_tables: what is read lies within them, and what
 * is told ends, and says something of each transaction that was about the table.
 *
 * Input: datagrams, each a length of two bytes and its bytes; they go through one tap, as transactions go through several
 * datagrams. */
#include "fuzz.h"
#include "tap/kernel.h"

enum { OWN_PORT = 4711 };

static void check(void *arg, const struct kernel_notice *n)
{
	(void)arg;
	FUZZ_CHECK(memchr(n->what, '\0', sizeof(n->what)) && memchr(n->name, '\0', sizeof(n->name)));
	FUZZ_CHECK(n->touched == (n->what[0] != '\0'));
	FUZZ_CHECK(n->touched || !n->opened);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kernel_tap *k = kernel_tap_new(OWN_PORT);
	struct input in = { data, size };

	FUZZ_CHECK(k);
	while (in.left > 0) {
		size_t len = input_u16(&in);
		uint8_t *datagram;

		len = len < in.left ? len : in.left;
		datagram = input_copy(in.at, len);
		kernel_tap_take(k, datagram, len, "postern", check, NULL);
		free(datagram);
		in.at += len;
		in.left -= len;
	}
	kernel_tap_close(k);
	return 0;
}
