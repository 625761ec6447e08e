/* edit.h - same-length changes of a byte stream, kept until acknowledged and applied to every copy.
 *
 * An edit is (stream offset, bytes). It is laid over each segment that covers it, first sending,
 * resend or re-cut, so the receiver sees one consistent stream. Checksums are mended by a further
 * edit in the verdict: incrementally (RFC 1624) where the packet carries a full checksum, computed
 * from the whole packet where it is unfinished (the kernel treats an edited packet as finished:
 * nfqnl_mangle() in net/netfilter/nfnetlink_queue.c).
 */
#ifndef WIRE_EDIT_H
#define WIRE_EDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slab.h"
#include "postern/packet.h"
#include "postern/verdict.h"
#include "wire/packet.h"

/* Entries for edits, shared by all flows of a worker; each carries up to EDIT_BYTES bytes. count as
 * slab_new(); the caller frees it with slab_free(). */
struct slab *edit_pool_new(uint32_t count);

enum { EDIT_BYTES = 64 };

/* The edits of one direction of one flow, by offset; zero-initialised is empty. */
struct edit_list {
	uint32_t first, last; /* pool index + 1, 0 = none */
};

/* Remembers that bytes [offset, offset + len) are to be sent as `bytes`. Longer ones take several
 * entries; bytes that an earlier edit covers get the new value. 0, or -ENOSPC (pool full, nothing
 * remembered). */
int edit_add(struct edit_list *list, struct slab *pool, uint64_t offset, const uint8_t *bytes, uint32_t len);
/* Everything below offset is acknowledged. */
void edit_ack(struct edit_list *list, struct slab *pool, uint64_t offset);
void edit_fini(struct edit_list *list, struct slab *pool);
bool edit_is_empty(const struct edit_list *list);

/* Makes the verdict's edits: all that fall into this segment (whose first payload byte has the stream
 * offset payload_offset, as stream_offset() tells it) and the mended TCP checksum; none if none does.
 * An edit that lies in the segment in part is applied in part. The verdict's kind is left alone.
 * 0; -ENOSPC: the verdict cannot hold them; -EMSGSIZE: the packet was cut, editing it would lose the
 * rest. On an error the verdict has no edits, and the packet must not be accepted as it is. */
int edit_apply(const struct edit_list *list, const struct slab *pool, const struct packet *meta,
        const uint8_t *bytes, const struct segment *seg, uint64_t payload_offset, struct verdict *v);

#endif
