/* pcap.c - packets from a capture file (libpcap: pcap, modified pcap, pcapng; each may be gzipped), from the
 * network header on.
 *
 * One table names the link types that are understood, each with a function that finds the network
 * header; VLAN tags (802.1Q, 802.1ad, stacked), PPPoE and PPP are steps that those functions share.
 * What is neither IPv4 nor IPv6, or too short to tell, is counted and left out.
 *
 * Limits: libpcap wants one link type in a pcapng file. The two outer VLAN ids are kept. A record that
 * claims less on the wire than it holds is taken as long as it holds.
 *
 * Rejected: one pcap_compile() filter per link type, which would hand out frames and not packets.
 *
 * Sources: IANA IEEE 802 numbers; tcpdump.org/linktypes.html; RFC 1661 2, RFC 1662 3.1, RFC 2516 4.
 */
#include "tap/pcap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pcap/pcap.h>
#include <zlib.h>

#include "base/bytes.h"

enum {
	TYPE_IPV4 = 0x0800,
	TYPE_VLAN = 0x8100,
	TYPE_IPV6 = 0x86dd,
	TYPE_PPPOE = 0x8864, /* session stage */
	TYPE_QINQ = 0x88a8,
	TYPE_QINQ_OLD = 0x9100,
	PPP_IPV4 = 0x0021,
	PPP_IPV6 = 0x0057,
	DLT_RAW_OPENBSD = 14, /* written as it is by OpenBSD, which has DLT_RAW there */
};

/* A frame, read from its start. */
struct frame {
	const uint8_t *bytes;
	uint32_t captured;
	uint32_t at; /* what is not read yet begins here */
	uint16_t vlan[2];
	uint32_t interface; /* index at the machine that recorded it; 0 = not said */
};

/* Moves frame->at to the network header. False = not IP, or too short to tell. */
typedef bool (*link_strip)(struct frame *f);

struct link_type {
	int dlt;
	link_strip strip;
};

struct pcap_tap {
	pcap_t *pcap;
	const char *name; /* of the file, for messages */
	char *path;
	const struct link_type *link;
	uint64_t packets;
	uint64_t not_ip;
};

/* ---- steps --------------------------------------------------------------------------------- */

static bool skip(struct frame *f, uint32_t n)
{
	if (f->captured - f->at < n)
		return false;
	f->at += n;
	return true;
}

/* The next 16 bits, in network order. */
static bool take16(struct frame *f, uint16_t *out)
{
	if (!skip(f, 2))
		return false;
	*out = bytes_get16(f->bytes + f->at - 2);
	return true;
}

/* Behind the PPP address and control bytes, if they are there. Protocol numbers may be sent in one
 * byte, which is odd then (RFC 1661 6.5). */
static bool strip_ppp(struct frame *f)
{
	uint16_t protocol;

	if (f->captured - f->at >= 2 && f->bytes[f->at] == 0xff && f->bytes[f->at + 1] == 0x03)
		f->at += 2;
	if (f->at < f->captured && (f->bytes[f->at] & 1)) {
		protocol = f->bytes[f->at++];
		return protocol == PPP_IPV4 || protocol == PPP_IPV6;
	}
	return take16(f, &protocol) && (protocol == PPP_IPV4 || protocol == PPP_IPV6);
}

/* PPPoE header: version and type, code, session, length. */
static bool strip_pppoe(struct frame *f)
{
	return skip(f, 6) && strip_ppp(f);
}

/* Behind an ethertype: tags, PPPoE, IP. */
static bool strip_type(struct frame *f, uint16_t type)
{
	unsigned tags = 0;
	uint16_t tag;

	while (type == TYPE_VLAN || type == TYPE_QINQ || type == TYPE_QINQ_OLD) {
		if (!take16(f, &tag) || !take16(f, &type))
			return false;
		if (tags < 2)
			f->vlan[tags] = tag & 0x0fff;
		tags++;
	}
	if (type == TYPE_PPPOE)
		return strip_pppoe(f);
	return type == TYPE_IPV4 || type == TYPE_IPV6;
}

/* ---- link types ---------------------------------------------------------------------------- */

static bool strip_ethernet(struct frame *f)
{
	uint16_t type;

	return skip(f, 12) && take16(f, &type) && strip_type(f, type);
}

static bool strip_raw(struct frame *f)
{
	(void)f;
	return true;
}

/* Linux cooked v1: packet type, hardware type, address length, 8 bytes of address, protocol. */
static bool strip_cooked(struct frame *f)
{
	uint16_t type;

	return skip(f, 14) && take16(f, &type) && strip_type(f, type);
}

/* Linux cooked v2: protocol, 2 bytes of nothing, interface index, 20 bytes in all. */
static bool strip_cooked2(struct frame *f)
{
	uint16_t type;

	if (!take16(f, &type) || !skip(f, 18))
		return false;
	f->interface = bytes_get32(f->bytes + f->at - 16);
	return strip_type(f, type);
}

/* BSD loopback: an address family in the byte order of whoever recorded it, or (LOOP) in network
 * order; IPv6 has another number on nearly every system. */
static bool strip_null(struct frame *f)
{
	static const uint8_t families[] = { 2, 10, 24, 28, 30 };
	uint32_t family;

	if (!skip(f, 4))
		return false;
	family = bytes_get32(f->bytes + f->at - 4);
	if (family >> 16)
		family = __builtin_bswap32(family);
	return family < 256 && memchr(families, (int)family, sizeof(families)) != NULL;
}

static const struct link_type link_types[] = {
	{ DLT_EN10MB, strip_ethernet },
	{ DLT_RAW, strip_raw },
	{ DLT_RAW_OPENBSD, strip_raw },
	{ DLT_IPV4, strip_raw },
	{ DLT_IPV6, strip_raw },
	{ DLT_LINUX_SLL, strip_cooked },
	{ DLT_LINUX_SLL2, strip_cooked2 },
	{ DLT_NULL, strip_null },
	{ DLT_LOOP, strip_null },
	{ DLT_PPP, strip_ppp },
	{ DLT_PPP_SERIAL, strip_ppp },
	{ DLT_PPP_ETHER, strip_pppoe },
};

static const struct link_type *find_link_type(int dlt)
{
	size_t i;

	for (i = 0; i < sizeof(link_types) / sizeof(link_types[0]); i++)
		if (link_types[i].dlt == dlt)
			return &link_types[i];
	return NULL;
}

/* ---- opening ------------------------------------------------------------------------------- */

static int check_link_type(struct pcap_tap *t, char *err, unsigned err_bytes)
{
	int dlt = pcap_datalink(t->pcap);
	const char *name = pcap_datalink_val_to_name(dlt);
	const char *description = pcap_datalink_val_to_description(dlt);

	t->link = find_link_type(dlt);
	if (t->link)
		return 0;
	snprintf(err, err_bytes,
	        "%s: link type %d (%s, %s) is not supported: record Ethernet, raw IP or Linux cooked "
	        "frames",
	        t->name, dlt, name ? name : "unknown", description ? description : "unknown");
	return -EINVAL;
}

/* ---- gzip: zlib below a stdio stream, which reads what is not compressed as it is ------------------ */

enum { GZIP_BUFFER = 256 * 1024 };

static ssize_t gzip_read(void *cookie, char *buffer, size_t len)
{
	gzFile gz = cookie;
	int n = gzread(gz, buffer, len < GZIP_BUFFER ? (unsigned)len : GZIP_BUFFER), error = Z_OK;

	if (n <= 0)
		gzerror(gz, &error);
	if (n >= 0 && error != Z_BUF_ERROR && error != Z_DATA_ERROR)
		return n;
	errno = EIO; /* the compressed data is damaged, or ends too early */
	return -1;
}

static int gzip_close(void *cookie)
{
	return gzclose_r(cookie) == Z_OK ? 0 : -1;
}

/* Takes fd over. NULL with errno. */
static FILE *gzip_open(int fd)
{
	gzFile gz = fd < 0 ? NULL : gzdopen(fd, "rb");
	FILE *f;

	if (!gz) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	gzbuffer(gz, GZIP_BUFFER);
	f = fopencookie(gz, "r", (cookie_io_functions_t) { .read = gzip_read, .close = gzip_close });
	if (f)
		setvbuf(f, NULL, _IOFBF, GZIP_BUFFER);
	else
		gzclose_r(gz);
	return f;
}

static int open_file(struct pcap_tap *t, const char *path, char *err, unsigned err_bytes)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC), first;
	struct stat st;
	bool is_folder = fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
	FILE *f = gzip_open(fd);

	t->path = strdup(path);
	t->name = is_stdin || !t->path ? "standard input" : t->path;
	if (!f) {
		snprintf(err, err_bytes, "%s: cannot be opened: %s", t->name, strerror(errno));
		return -EINVAL;
	}
	if (is_folder) {
		fclose(f);
		snprintf(err, err_bytes, "%s: is a folder; name the captures in it", t->name);
		return -EINVAL;
	}
	first = getc(f);
	if (first != EOF)
		ungetc(first, f);
	t->pcap = pcap_fopen_offline(f, why);
	if (t->pcap)
		return check_link_type(t, err, err_bytes);
	fclose(f);
	snprintf(err, err_bytes, "%s: not a capture file (pcap or pcapng): %s", t->name,
	        first == '{' ? "these are JSON lines; postern replay reads recorded events" : why);
	return -EINVAL;
}

struct pcap_tap *pcap_tap_open(const char *path, char *err, unsigned err_bytes)
{
	struct pcap_tap *t = calloc(1, sizeof(*t));

	if (t && open_file(t, path, err, err_bytes) == 0)
		return t;
	if (!t)
		snprintf(err, err_bytes, "%s: %s", path, strerror(ENOMEM));
	pcap_tap_close(t);
	errno = EINVAL;
	return NULL;
}

void pcap_tap_close(struct pcap_tap *t)
{
	if (!t)
		return;
	if (t->pcap)
		pcap_close(t->pcap);
	free(t->path);
	free(t);
}

/* ---- reading ------------------------------------------------------------------------------- */

static uint64_t time_of(const struct timeval *tv)
{
	return tv->tv_sec < 0 || tv->tv_usec < 0 ? 0 : (uint64_t)tv->tv_sec * 1000000 + (uint64_t)tv->tv_usec;
}

static void take_record(struct pcap_tap *t, const struct pcap_pkthdr *header, const uint8_t *bytes,
        pcap_tap_sink sink, void *arg)
{
	struct frame f = { .bytes = bytes, .captured = header->caplen };
	struct packet p = { .flags = PACKET_OFFLINE | PACKET_CSUM_IGNORE };
	uint32_t length = header->len > header->caplen ? header->len : header->caplen;
	uint8_t version;

	t->packets++;
	version = t->link->strip(&f) && f.at < f.captured ? bytes[f.at] >> 4 : 0;
	if (version != 4 && version != 6) {
		t->not_ip++;
		return;
	}
	p.time_us = time_of(&header->ts);
	p.captured_bytes = f.captured - f.at;
	p.length_bytes = length - f.at;
	p.in_if = f.interface;
	p.vlan[0] = f.vlan[0];
	p.vlan[1] = f.vlan[1];
	p.ticket = (uint32_t)t->packets;
	sink(arg, &p, bytes + f.at);
}

int pcap_tap_run(struct pcap_tap *t, pcap_tap_sink sink, void *arg, char *err, unsigned err_bytes)
{
	struct pcap_pkthdr *header;
	const uint8_t *bytes;
	int r;

	while ((r = pcap_next_ex(t->pcap, &header, &bytes)) == 1)
		take_record(t, header, bytes, sink, arg);
	if (r == PCAP_ERROR_BREAK) /* the end of the file */
		return 0;
	snprintf(err, err_bytes, "%s: damaged behind packet %llu: %s", t->name,
	        (unsigned long long)t->packets, pcap_geterr(t->pcap));
	return -EIO;
}

uint64_t pcap_tap_packets(const struct pcap_tap *t)
{
	return t->packets;
}

uint64_t pcap_tap_not_ip(const struct pcap_tap *t)
{
	return t->not_ip;
}
