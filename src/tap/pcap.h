/* pcap.h - packets from a capture file (libpcap: pcap, pcapng; zlib: gzip). */
#ifndef TAP_PCAP_H
#define TAP_PCAP_H

#include <stdint.h>

#include "postern/packet.h"

struct pcap_tap;

typedef void (*pcap_tap_sink)(void *arg, const struct packet *packet, const uint8_t *bytes);

/* path "-" = standard input. NULL with errno = EINVAL and a message in err: not a capture, link type
 * not supported (named), cannot be opened. */
struct pcap_tap *pcap_tap_open(const char *path, char *err, unsigned err_bytes);
/* All packets to the sink, with PACKET_OFFLINE | PACKET_CSUM_IGNORE, and in_if as the machine counted that
 * recorded them (Linux cooked v2, for packets of both directions). 0, or -EIO with a message in err
 * when the file ends in the middle of a packet (what came before has been given to the sink). */
int pcap_tap_run(struct pcap_tap *t, pcap_tap_sink sink, void *arg, char *err, unsigned err_bytes);
/* Packets read, and frames that were no IP. */
uint64_t pcap_tap_packets(const struct pcap_tap *t);
uint64_t pcap_tap_not_ip(const struct pcap_tap *t);
void pcap_tap_close(struct pcap_tap *t);

#endif
