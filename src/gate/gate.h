/* gate.h - the one writer to nftables, through one netlink socket. */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "gate/ruleset.h"

struct gate;

/* Opens the nf_tables socket. NULL with errno (EPERM: no CAP_NET_ADMIN; EPROTONOSUPPORT: kernel
 * without nfnetlink) and a message in err (how to fix). */
struct gate *gate_open(char *err, unsigned err_bytes);
void gate_close(struct gate *g); /* rules stay */

/* Brings the kernel to `wanted` in one transaction: creates table, sets, chains; where they exist,
 * base chains stay and only contents change; where all of it is there already, nothing is sent. Tries the native queue expression first and falls back
 * to the xt NFQUEUE target. 0 or -errno with a message in err. */
int gate_install(struct gate *g, const struct ruleset *wanted, char *err, unsigned err_bytes);
/* The same, whatever it costs: a base chain that somebody has moved is made anew, at which the kernel drops what waits in
 * queues. difference: the first thing that only one of them had, "" if there was none and nothing was sent; NULL is fine. */
int gate_repair(struct gate *g, const struct ruleset *wanted, char *difference, unsigned difference_bytes,
        char *err, unsigned err_bytes);
/* From now on tables are made for this socket alone, so that no other can change them (Linux 6.9 and later; those of before
 * refuse that, and then they are as any other), and such a table whose owner has left is taken over. */
void gate_own(struct gate *g);
/* When the kernel had taken what was sent last: microseconds of the monotonic clock. It is read back behind that. */
uint64_t gate_changed_us(const struct gate *g);
/* The table of the last gate_install() is ours alone. */
bool gate_owns(const struct gate *g);
/* The number by which the kernel names our socket. */
uint32_t gate_port(const struct gate *g);
/* Of the kernel's rules, everybody's: each transaction makes another. 0 or -errno. */
int gate_read_generation(struct gate *g, uint32_t *out);
/* What the last gate_install() found and did. */
enum gate_done { GATE_ADOPTED /* all was there already */, GATE_CHANGED, GATE_MADE /* there was no table */ };
enum gate_done gate_done(const struct gate *g);
/* True if the last install had to use the xt target. */
bool gate_uses_target(const struct gate *g);
/* True if it drops packets that open a connection with MPTCP, because the kernel cannot take that out. */
bool gate_drops_mptcp(const struct gate *g);
/* Leaves what gate_install() has installed in a file, for the next boot. 0 or -errno; then the old file stays. */
int gate_save(const struct gate *g, const struct ruleset *installed, const char *path);
/* Installs what the file has; its table's name is told. 0; -EEXIST: the table is there, nothing was done; -ENOENT: no
 * such file; -errno with a message in err. */
enum { GATE_TABLE_MAX = 256 };
int gate_restore(struct gate *g, const char *path, char table[GATE_TABLE_MAX], char *err, unsigned err_bytes);
/* A flow table, of anybody's, into which connections to these ports go, so that their packets go past the rules: 1, and
 * text names it; 0: there is none; -errno. */
int gate_find_offload(struct gate *g, const uint16_t *ports, unsigned count, char *text, unsigned text_bytes);
/* Is the kernel's table what is wanted? 0; -ESTALE: no, and err says what only one of them has; -errno. */
int gate_compare(struct gate *g, const struct ruleset *wanted, char *err, unsigned err_bytes);
/* Calls `each` with the name of every table that looks like one of ours. How many, or -errno. */
int gate_find_tables(struct gate *g, void (*each)(void *arg, const char *table), void *arg);
/* Removes the table, whoever made it. 0, -ENOENT if there was none, or -errno. */
int gate_remove(struct gate *g, const char *table);

/* Everything to and from these ports passes, neither inspected nor refused, for so long from now on; 0 = no longer. One
 * transaction; the kernel itself ends it, whatever becomes of us. note: what `nft list` shows beside it. 0 or -errno. */
int gate_bypass(struct gate *g, const char *table, const uint16_t *ports, unsigned count, uint32_t seconds,
        const char *note);
/* How long it goes on, read from the kernel: *left_ms 0 = it does not. 0 or -errno. */
int gate_read_bypass(struct gate *g, const char *table, uint64_t *left_ms);

/* Clients that are cut off from the guarded ports, or may open so many connections to them in a minute, counted together: a
 * host, or a range of one family. */
enum { GATE_NOTE_MAX = 128 };
#define GATE_BURST(rate) (((rate) + 3) / 4)
struct gate_block {
	struct addr first, last;
	bool net; /* it lies in the sets of ranges, also if it is one address only; ranges never overlap */
	uint32_t
	        rate_per_min; /* 0 = cut off; else so many new connections a minute pass, GATE_BURST() of them at once */
	uint64_t left_ms; /* how long it goes on; 0 = for ever */
	const char
	        *note; /* what `nft list` shows beside it; NULL = nothing. Cut behind GATE_NOTE_MAX bytes */
};
struct gate_blocks_change {
	const struct gate_block
	        *gone; /* any that the kernel may have; those it has not are none, too, behind it */
	size_t gone_count;
	const struct gate_block *more; /* what is there already has to be in `gone` as well, to be renewed */
	size_t more_count;
	bool anew; /* `more` is all: whatever else there was goes */
};
/* All of it in one transaction, or nothing. 0 or -errno. */
int gate_block(struct gate *g, const char *table, const struct gate_blocks_change *change);
/* What is in force, read from the kernel. 0; -ENOENT: there is no such table, or it has no such sets; -errno. */
typedef void gate_each_block(void *arg, const struct gate_block *b);
int gate_read_blocks(struct gate *g, const char *table, gate_each_block *each, void *arg);
/* Are all of these in force? 0; -ESTALE: not all; -errno. */
int gate_has_blocks(struct gate *g, const char *table, const struct gate_block *list, size_t count);

/* Packet counts of the installed table, by the names of its counters (there, reset is "resets"). */
struct gate_counts {
	uint64_t queued, inspected, blind, reset, refused, bare_acks, bodies, sealed;
	uint64_t bypassed;   /* passed because of gate_bypass() */
	uint64_t blocked;    /* cut because of gate_block() */
	uint64_t limited;    /* likewise, refused as one too many */
	uint64_t blind_told; /* what gate_set_blind_told() has left there */
};
/* 0; -ENOENT: there is no such table; -errno. */
int gate_read_counts(struct gate *g, const char *table, struct gate_counts *out);
/* Remembers in the table how many blind packets are in the records: the memory has to live as long as the
 * counter itself does, over the ends of daemons. 0 or -errno. */
int gate_set_blind_told(struct gate *g, const char *table, uint64_t packets);

#endif
