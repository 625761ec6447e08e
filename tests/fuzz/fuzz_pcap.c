/* fuzz_pcap.c - any bytes as a capture file: what comes out are packets whose every byte may be read. */
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "tap/pcap.h"
#include "wire/packet.h"

static void on_packet(void *arg, const struct packet *packet, const uint8_t *bytes)
{
	uint8_t *copy = input_copy(bytes, packet->captured_bytes);
	struct segment seg;

	++*(uint64_t *)arg;
	FUZZ_CHECK(packet->captured_bytes > 0 && packet->captured_bytes <= packet->length_bytes);
	FUZZ_CHECK((packet->flags & PACKET_OFFLINE) && (bytes[0] >> 4 == 4 || bytes[0] >> 4 == 6));
	FUZZ_CHECK(packet->vlan[0] < 4096 && packet->vlan[1] < 4096);
	wire_parse(packet, copy, &seg);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[64];
	static int fd = -1;
	struct pcap_tap *tap;
	uint64_t packets = 0;
	char err[256] = "";

	if (fd < 0) {
		fd = memfd_create("capture", 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	FUZZ_CHECK(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
	tap = pcap_tap_open(path, err, sizeof(err));
	FUZZ_CHECK((tap == NULL) == (err[0] != '\0'));
	if (!tap)
		return 0;
	if (pcap_tap_run(tap, on_packet, &packets, err, sizeof(err)) != 0)
		FUZZ_CHECK(err[0] != '\0');
	FUZZ_CHECK(pcap_tap_packets(tap) == packets + pcap_tap_not_ip(tap));
	pcap_tap_close(tap);
	return 0;
}
