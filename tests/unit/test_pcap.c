/* test_pcap.c - captures written here byte by byte: every link type, every cut, both formats. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "tap/pcap.h"
#include "suite.h"

enum { FILE_MAX = 8192, SEEN_MAX = 8, LINK_ETHERNET = 1, LINK_RAW = 101 };

struct file {
	uint8_t bytes[FILE_MAX];
	size_t used;
};

struct seen {
	struct packet packet;
	uint8_t first[4];
};

struct outcome {
	bool opened;
	int result;
	unsigned count;
	struct seen seen[SEEN_MAX];
	uint64_t packets, not_ip;
	char err[512];
};

static const uint8_t ipv4[20] = { 0x45, 0, 0, 20, 0, 1, 0, 0, 64, 6 };
static const uint8_t ipv6[40] = { 0x60, 0, 0, 0, 0, 0, 59, 64 };

/* ---- writing ------------------------------------------------------------------------------- */

static void add(struct file *f, const void *bytes, size_t n)
{
	CU_ASSERT_FATAL(f->used + n <= FILE_MAX);
	memcpy(f->bytes + f->used, bytes, n);
	f->used += n;
}

static void add32(struct file *f, uint32_t v)
{
	add(f, &v, sizeof(v));
}

static void add32_be(struct file *f, uint32_t v)
{
	uint8_t b[4];

	bytes_put32(b, v);
	add(f, b, sizeof(b));
}

/* libpcap takes a buffer of snap_bytes for the frames: an over-read is seen by the sanitizer. */
static void begin_cut(struct file *f, uint32_t magic, uint32_t link, uint32_t snap_bytes)
{
	f->used = 0;
	add32(f, magic);
	add(f, (const uint16_t[]) { 2, 4 }, 4);
	add32(f, 0);
	add32(f, 0);
	add32(f, snap_bytes);
	add32(f, link);
}

static void begin(struct file *f, uint32_t magic, uint32_t link)
{
	begin_cut(f, magic, link, 65535);
}

static void add_record(
        struct file *f, uint32_t s, uint32_t fraction, const void *frame, uint32_t captured, uint32_t length)
{
	add32(f, s);
	add32(f, fraction);
	add32(f, captured);
	add32(f, length);
	add(f, frame, captured);
}

/* A file of one frame: link header, then an IP header. */
static void one_frame(struct file *f, uint32_t link, const void *header, size_t header_bytes, const void *ip,
        size_t ip_bytes)
{
	uint8_t frame[128];

	memcpy(frame, header, header_bytes);
	memcpy(frame + header_bytes, ip, ip_bytes);
	begin(f, 0xa1b2c3d4, link);
	add_record(f, 1, 2, frame, (uint32_t)(header_bytes + ip_bytes), (uint32_t)(header_bytes + ip_bytes));
}

/* ---- reading ------------------------------------------------------------------------------- */

static void on_packet(void *arg, const struct packet *packet, const uint8_t *bytes)
{
	struct outcome *o = arg;

	if (o->count < SEEN_MAX) {
		o->seen[o->count].packet = *packet;
		memcpy(o->seen[o->count].first, bytes,
		        packet->captured_bytes < 4 ? packet->captured_bytes : 4);
	}
	o->count++;
}

static struct outcome read_path(const char *path)
{
	struct outcome o = { .opened = false };
	struct pcap_tap *t = pcap_tap_open(path, o.err, sizeof(o.err));

	if (!t) {
		CU_ASSERT_EQUAL(errno, EINVAL);
		return o;
	}
	o.opened = true;
	o.result = pcap_tap_run(t, on_packet, &o, o.err, sizeof(o.err));
	o.packets = pcap_tap_packets(t);
	o.not_ip = pcap_tap_not_ip(t);
	pcap_tap_close(t);
	return o;
}

static struct outcome read_bytes(const uint8_t *bytes, size_t n)
{
	int fd = memfd_create("capture", 0);
	struct outcome o;
	char path[64];

	CU_ASSERT_FATAL(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	o = read_path(path);
	close(fd);
	return o;
}

static struct outcome read_file(const struct file *f)
{
	return read_bytes(f->bytes, f->used);
}

/* ---- link types ---------------------------------------------------------------------------- */

#define MAC2 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
#define SLL 0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0
#define SLL2_REST 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0
#define H(...) { __VA_ARGS__ }, sizeof((uint8_t[]) { __VA_ARGS__ })

static const struct {
	const char *name;
	uint32_t link;
	uint8_t header[48];
	size_t header_bytes;
	int version; /* 0 = not IP */
	uint16_t vlan[2];
} frames[] = {
	{ "ethernet v4", 1, H(MAC2, 0x08, 0x00), 4, { 0, 0 } },
	{ "ethernet v6", 1, H(MAC2, 0x86, 0xdd), 6, { 0, 0 } },
	{ "ethernet vlan", 1, H(MAC2, 0x81, 0x00, 0x20, 0x64, 0x08, 0x00), 4, { 100, 0 } },
	{ "ethernet qinq", 1, H(MAC2, 0x88, 0xa8, 0x0f, 0xff, 0x81, 0, 0, 7, 0x86, 0xdd), 6, { 4095, 7 } },
	{ "ethernet old qinq", 1, H(MAC2, 0x91, 0, 0, 5, 0x81, 0, 0, 6, 0x08, 0), 4, { 5, 6 } },
	{ "ethernet three tags", 1, H(MAC2, 0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 0x81, 0, 0, 3, 0x08, 0), 4,
	        { 1, 2 } },
	{ "ethernet pppoe", 1, H(MAC2, 0x88, 0x64, 0x11, 0, 0, 9, 0, 22, 0x00, 0x21), 4, { 0, 0 } },
	{ "ethernet vlan pppoe", 1, H(MAC2, 0x81, 0, 0, 8, 0x88, 0x64, 0x11, 0, 0, 9, 0, 42, 0x00, 0x57), 6,
	        { 8, 0 } },
	{ "ethernet arp", 1, H(MAC2, 0x08, 0x06), 0, { 0, 0 } },
	{ "ethernet 802.3", 1, H(MAC2, 0x00, 0x40), 0, { 0, 0 } },
	{ "ethernet vlan arp", 1, H(MAC2, 0x81, 0x00, 0x00, 0x64, 0x08, 0x06), 0, { 0, 0 } },
	{ "ethernet pppoe lcp", 1, H(MAC2, 0x88, 0x64, 0x11, 0, 0, 9, 0, 22, 0xc0, 0x21), 0, { 0, 0 } },
	{ "ethernet v4 that is none", 1, H(MAC2, 0x08, 0x00, 0x15), 0, { 0, 0 } },
	{ "raw v4", LINK_RAW, { 0 }, 0, 4, { 0, 0 } },
	{ "raw v6", LINK_RAW, { 0 }, 0, 6, { 0, 0 } },
	{ "raw old number", 12, { 0 }, 0, 4, { 0, 0 } },
	{ "raw bsd number", 14, { 0 }, 0, 6, { 0, 0 } },
	{ "raw neither", LINK_RAW, H(0x50), 0, { 0, 0 } },
	{ "ipv4", 228, { 0 }, 0, 4, { 0, 0 } },
	{ "ipv6", 229, { 0 }, 0, 6, { 0, 0 } },
	{ "cooked v4", 113, H(SLL, 0x08, 0x00), 4, { 0, 0 } },
	{ "cooked v6", 113, H(SLL, 0x86, 0xdd), 6, { 0, 0 } },
	{ "cooked vlan", 113, H(SLL, 0x81, 0x00, 0x01, 0x01, 0x08, 0x00), 4, { 257, 0 } },
	{ "cooked arp", 113, H(SLL, 0x08, 0x06), 0, { 0, 0 } },
	{ "cooked 2 v4", 276, H(0x08, 0x00, SLL2_REST), 4, { 0, 0 } },
	{ "cooked 2 v6", 276, H(0x86, 0xdd, SLL2_REST), 6, { 0, 0 } },
	{ "cooked 2 arp", 276, H(0x08, 0x06, SLL2_REST), 0, { 0, 0 } },
	{ "null v4 little", 0, H(2, 0, 0, 0), 4, { 0, 0 } },
	{ "null v4 big", 0, H(0, 0, 0, 2), 4, { 0, 0 } },
	{ "null v6 linux", 0, H(10, 0, 0, 0), 6, { 0, 0 } },
	{ "null v6 bsd", 0, H(0, 0, 0, 28), 6, { 0, 0 } },
	{ "null v6 mac", 0, H(30, 0, 0, 0), 6, { 0, 0 } },
	{ "null appletalk", 0, H(16, 0, 0, 0), 0, { 0, 0 } },
	{ "loop v6 openbsd", 108, H(0, 0, 0, 24), 6, { 0, 0 } },
	{ "ppp", 9, H(0x00, 0x21), 4, { 0, 0 } },
	{ "ppp with hdlc", 9, H(0xff, 0x03, 0x00, 0x57), 6, { 0, 0 } },
	{ "ppp short protocol", 9, H(0x21), 4, { 0, 0 } },
	{ "ppp short with hdlc", 50, H(0xff, 0x03, 0x57), 6, { 0, 0 } },
	{ "ppp lcp", 9, H(0xc0, 0x21), 0, { 0, 0 } },
	{ "pppoe", 51, H(0x11, 0, 0, 1, 0, 22, 0x00, 0x21), 4, { 0, 0 } },
};

enum { FRAMES = sizeof(frames) / sizeof(frames[0]) };

static size_t write_frame(struct file *f, unsigned i)
{
	bool v6 = frames[i].version == 6;

	one_frame(f, frames[i].link, frames[i].header, frames[i].header_bytes, v6 ? ipv6 : ipv4,
	        v6 ? sizeof(ipv6) : sizeof(ipv4));
	return frames[i].header_bytes + (v6 ? sizeof(ipv6) : sizeof(ipv4));
}

static void check_packet(unsigned i, const struct outcome *o)
{
	const struct packet *p = &o->seen[0].packet;
	uint32_t expected = frames[i].version == 6 ? sizeof(ipv6) : sizeof(ipv4);

	CU_ASSERT_EQUAL(p->captured_bytes, expected);
	CU_ASSERT_EQUAL(p->length_bytes, expected);
	CU_ASSERT_EQUAL(o->seen[0].first[0] >> 4, frames[i].version);
	CU_ASSERT_EQUAL(p->vlan[0], frames[i].vlan[0]);
	CU_ASSERT_EQUAL(p->vlan[1], frames[i].vlan[1]);
	CU_ASSERT_EQUAL(p->time_us, 1000002);
	CU_ASSERT_EQUAL(p->flags, PACKET_OFFLINE | PACKET_CSUM_IGNORE);
	CU_ASSERT_EQUAL(p->mark, 0);
}

static void strips_every_link_type(void)
{
	struct outcome o;
	struct file f;
	unsigned i;

	for (i = 0; i < FRAMES; i++) {
		write_frame(&f, i);
		o = read_file(&f);
		if (!o.opened || o.result != 0 || o.count != (frames[i].version ? 1 : 0)) {
			printf("\n%s: opened %d, result %d, %u packets, %s\n", frames[i].name, o.opened,
			        o.result, o.count, o.err);
			CU_FAIL("link type");
			continue;
		}
		CU_ASSERT_EQUAL(o.packets, 1);
		CU_ASSERT_EQUAL(o.not_ip, frames[i].version ? 0 : 1);
		if (frames[i].version)
			check_packet(i, &o);
	}
}

/* The snapshot length cut the frame anywhere: inside the link header it is no IP, behind it a packet
 * that says how long it was. */
static void reads_frames_cut_anywhere(void)
{
	struct file whole, f;
	struct outcome o;
	size_t n, cut;
	unsigned i;

	for (i = 0; i < FRAMES; i++) {
		if (!frames[i].version)
			continue;
		n = write_frame(&whole, i);
		for (cut = 0; cut < n; cut++) {
			begin_cut(&f, 0xa1b2c3d4, frames[i].link, cut ? (uint32_t)cut : 1);
			add_record(&f, 1, 2, whole.bytes + 24 + 16, (uint32_t)cut, (uint32_t)n);
			o = read_file(&f);
			CU_ASSERT_EQUAL(o.result, 0);
			CU_ASSERT_EQUAL(o.count, cut > frames[i].header_bytes ? 1 : 0);
			CU_ASSERT_EQUAL(o.count + o.not_ip, 1);
			if (o.count == 0)
				continue;
			CU_ASSERT_EQUAL(o.seen[0].packet.captured_bytes, cut - frames[i].header_bytes);
			CU_ASSERT_EQUAL(o.seen[0].packet.length_bytes, n - frames[i].header_bytes);
		}
	}
}

/* ---- files --------------------------------------------------------------------------------- */

static void stops_at_a_cut_file(void)
{
	enum { HEADER = 24, RECORD = 16 + 20, RECORDS = 3 };
	struct outcome o;
	struct file f;
	size_t cut;
	int i;

	begin(&f, 0xa1b2c3d4, LINK_RAW);
	for (i = 0; i < RECORDS; i++)
		add_record(&f, 1, 2, ipv4, sizeof(ipv4), sizeof(ipv4));
	CU_ASSERT_EQUAL(f.used, HEADER + RECORDS * RECORD);
	for (cut = 0; cut <= f.used; cut++) {
		o = read_bytes(f.bytes, cut);
		CU_ASSERT_EQUAL(o.opened, cut >= HEADER);
		if (!o.opened) {
			CU_ASSERT_PTR_NOT_NULL(strstr(o.err, "not a capture file"));
			continue;
		}
		CU_ASSERT_EQUAL(o.count, (cut - HEADER) / RECORD);
		CU_ASSERT_EQUAL(o.result, (cut - HEADER) % RECORD ? -EIO : 0);
		if (o.result) {
			char behind[40];

			snprintf(behind, sizeof(behind), "behind packet %u:", o.count);
			CU_ASSERT_PTR_NOT_NULL(strstr(o.err, behind));
		}
	}
}

static void reads_nanoseconds_and_the_other_byte_order(void)
{
	struct outcome o;
	struct file f;

	begin(&f, 0xa1b23c4d, LINK_RAW);
	add_record(&f, 1700000000, 123456789, ipv4, sizeof(ipv4), sizeof(ipv4));
	o = read_file(&f);
	CU_ASSERT_EQUAL_FATAL(o.count, 1);
	CU_ASSERT_EQUAL(o.seen[0].packet.time_us, 1700000000123456);

	f.used = 0;
	add32_be(&f, 0xa1b2c3d4);
	add32_be(&f, 2 << 16 | 4);
	add32_be(&f, 0);
	add32_be(&f, 0);
	add32_be(&f, 65535);
	add32_be(&f, LINK_RAW);
	add32_be(&f, 1700000000);
	add32_be(&f, 123456);
	add32_be(&f, sizeof(ipv4));
	add32_be(&f, 1500);
	add(&f, ipv4, sizeof(ipv4));
	o = read_file(&f);
	CU_ASSERT_EQUAL_FATAL(o.count, 1);
	CU_ASSERT_EQUAL(o.seen[0].packet.time_us, 1700000000123456);
	CU_ASSERT_EQUAL(o.seen[0].packet.captured_bytes, sizeof(ipv4));
	CU_ASSERT_EQUAL(o.seen[0].packet.length_bytes, 1500);
}

static void reads_pcapng(void)
{
	struct outcome o;
	struct file f = { .used = 0 };

	add32(&f, 0x0a0d0d0a); /* section header */
	add32(&f, 28);
	add32(&f, 0x1a2b3c4d);
	add(&f, (const uint16_t[]) { 1, 0 }, 4);
	add32(&f, UINT32_MAX);
	add32(&f, UINT32_MAX);
	add32(&f, 28);
	add32(&f, 1); /* interface, microseconds */
	add32(&f, 20);
	add(&f, (const uint16_t[]) { LINK_RAW, 0 }, 4);
	add32(&f, 65535);
	add32(&f, 20);
	add32(&f, 6); /* enhanced packet */
	add32(&f, 32 + sizeof(ipv4));
	add32(&f, 0);
	add32(&f, 0);
	add32(&f, 77);
	add32(&f, sizeof(ipv4));
	add32(&f, sizeof(ipv4));
	add(&f, ipv4, sizeof(ipv4));
	add32(&f, 32 + sizeof(ipv4));
	o = read_file(&f);
	CU_ASSERT_EQUAL(o.result, 0);
	CU_ASSERT_EQUAL_FATAL(o.count, 1);
	CU_ASSERT_EQUAL(o.seen[0].packet.time_us, 77);
	o = read_bytes(f.bytes, f.used - 1);
	CU_ASSERT_EQUAL(o.result, -EIO);
	CU_ASSERT_EQUAL(o.count, 0);
}

static void counts_and_numbers_packets(void)
{
	static const uint8_t arp[14] = { [12] = 0x08, [13] = 0x06 };
	uint8_t frame[34] = { [12] = 0x08 };
	struct outcome o;
	struct file f;

	memcpy(frame + 14, ipv4, sizeof(ipv4));
	begin(&f, 0xa1b2c3d4, LINK_ETHERNET);
	add_record(&f, 1, 0, frame, sizeof(frame), sizeof(frame));
	add_record(&f, 2, 0, arp, sizeof(arp), sizeof(arp));
	add_record(&f, 3, 0, frame, sizeof(frame), 5); /* claims less than it holds */
	o = read_file(&f);
	CU_ASSERT_EQUAL(o.result, 0);
	CU_ASSERT_EQUAL(o.packets, 3);
	CU_ASSERT_EQUAL(o.not_ip, 1);
	CU_ASSERT_EQUAL_FATAL(o.count, 2);
	CU_ASSERT_EQUAL(o.seen[0].packet.ticket, 1);
	CU_ASSERT_EQUAL(o.seen[1].packet.ticket, 3);
	CU_ASSERT_EQUAL(o.seen[1].packet.length_bytes, sizeof(ipv4));
}

static void reads_standard_input(void)
{
	int fd = memfd_create("capture", 0), saved = dup(STDIN_FILENO);
	struct outcome o;
	struct file f;

	one_frame(&f, LINK_RAW, "", 0, ipv4, sizeof(ipv4));
	CU_ASSERT_FATAL(fd >= 0 && write(fd, f.bytes, f.used - 1) == (ssize_t)f.used - 1);
	lseek(fd, 0, SEEK_SET);
	dup2(fd, STDIN_FILENO);
	o = read_path("-");
	CU_ASSERT(o.opened);
	CU_ASSERT_EQUAL(o.result, -EIO);
	CU_ASSERT_PTR_NOT_NULL(strstr(o.err, "standard input: "));
	dup2(saved, STDIN_FILENO);
	close(saved);
	close(fd);
}

static void says_what_is_wrong_with_a_file(void)
{
	static const char text[] = "220 this is no capture, it is a long greeting of a mail server\r\n";
	struct outcome o = read_path("/nonexistent/file.pcap");
	struct file f;

	CU_ASSERT(!o.opened);
	CU_ASSERT_STRING_EQUAL(o.err, "/nonexistent/file.pcap: cannot be opened: No such file or directory");
	o = read_path("/");
	CU_ASSERT(!o.opened);
	CU_ASSERT_PTR_NOT_NULL(strstr(o.err, "/: "));
	o = read_bytes((const uint8_t *)text, sizeof(text));
	CU_ASSERT(!o.opened);
	CU_ASSERT_PTR_NOT_NULL(strstr(o.err, "not a capture file"));
	one_frame(&f, 105, "", 0, ipv4, sizeof(ipv4));
	o = read_file(&f);
	CU_ASSERT(!o.opened);
	CU_ASSERT_PTR_NOT_NULL(strstr(o.err, "link type 105 (IEEE802_11, 802.11) is not supported"));
}

SUITE("pcap", { "strips every link type", strips_every_link_type },
        { "reads frames cut anywhere", reads_frames_cut_anywhere },
        { "stops at a cut file", stops_at_a_cut_file },
        { "reads nanoseconds and the other byte order", reads_nanoseconds_and_the_other_byte_order },
        { "reads pcapng", reads_pcapng }, { "counts and numbers packets", counts_and_numbers_packets },
        { "reads standard input", reads_standard_input },
        { "says what is wrong with a file", says_what_is_wrong_with_a_file })
