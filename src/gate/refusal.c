/* refusal.c - what the kernel said no to, in words that say what to do. */
#include "gate/refusal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gate/batch.h"
#include "gate/model.h"

static const struct {
	int error;
	const char *text;
} advice[] = {
	{ EPERM, "CAP_NET_ADMIN is missing, or the table is owned by another program (nft list tables)" },
	{ EPROTONOSUPPORT,
	        "this kernel has no nfnetlink: modprobe nfnetlink nf_tables, or use one that is built "
	        "with them" },
	{ EINVAL, "nfnetlink or nf_tables is missing or too old: modprobe nf_tables; 5.10 is the oldest "
	          "kernel supported" },
	{ ENOMEM, "not enough memory" },
	{ EMSGSIZE, "raise net.core.wmem_max: the ruleset is bigger than a netlink message may be" },
	{ ENOBUFS, "raise net.core.rmem_max: the answer is bigger than the socket's buffer" },
	{ ERESTART, "another program changes nf_tables all the time; try again" },
	{ EINTR, "another program changes nf_tables all the time; try again" },
	{ EBUSY, "something else uses it" },
};

static const struct {
	const char *expression, *modules;
} modules[] = {
	{ "queue", "nft_queue" },
	{ "target", "nft_queue, or nft_compat and xt_NFQUEUE" },
	{ "reject", "nft_reject_inet" },
	{ "log", "nft_log and nfnetlink_log" },
	{ "ct", "nft_ct and nf_conntrack" },
	{ "limit", "nft_limit" },
	{ "objref", "nft_objref" },
	{ "lookup", "nf_tables_set" },
	{ "hash", "nft_hash" },
};

void refusal_say(char *err, unsigned err_bytes, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(err, err_bytes, format, list);
	va_end(list);
}

const char *refusal_advise(int error)
{
	if (error == EPERM && geteuid() != 0)
		return "run as root, or give the program CAP_NET_ADMIN";
	for (size_t i = 0; i < sizeof(advice) / sizeof(advice[0]); i++)
		if (advice[i].error == error)
			return advice[i].text;
	return "look at the kernel's log (dmesg)";
}

static const char *modules_for(const char *expression)
{
	for (size_t i = 0; expression && i < sizeof(modules) / sizeof(modules[0]); i++)
		if (strcmp(modules[i].expression, expression) == 0)
			return modules[i].modules;
	return NULL;
}

/* The note is about a set that has an expression. */
static bool has_limit(const struct ruleset *r, const struct batch_note *note)
{
	for (size_t i = 0; strcmp(note->what, "set") == 0 && i < r->set_count; i++)
		if (strcmp(r->sets[i].name, note->name) == 0)
			return r->sets[i].limits;
	return false;
}

void refusal_explain(
        const struct ruleset *r, const struct batch_refusal *refusal, char *err, unsigned err_bytes)
{
	const struct batch_note *note = refusal->note;
	const char *missing = refusal->error == -ENOENT || refusal->error == -EOPNOTSUPP
	                              ? modules_for(refusal->expression)
	                              : NULL;
	char text[512] = "";
	FILE *to;

	if (!note) {
		refusal_say(err, err_bytes, "kernel refused the ruleset: %s; %s", strerror(-refusal->error),
		        refusal_advise(-refusal->error));
		return;
	}
	if (refusal->error == -ENOENT && has_limit(r, note)) {
		refusal_say(err, err_bytes,
		        "this kernel has no expression limit, which set %s needs: modprobe %s", note->name,
		        modules_for("limit"));
		return;
	}
	if (!note->rule) {
		refusal_say(err, err_bytes, "kernel refused %s %s: %s; %s", note->what, note->name,
		        strerror(-refusal->error), refusal_advise(-refusal->error));
		return;
	}
	to = fmemopen(text, sizeof(text), "w");
	if (to) {
		ruleset_print_rule(r, note->rule, to);
		fclose(to);
	}
	if (missing)
		refusal_say(err, err_bytes,
		        "this kernel has no expression %s, which the rule `%s` of chain %s needs: modprobe "
		        "%s",
		        refusal->expression, text, note->name, missing);
	else
		refusal_say(err, err_bytes, "kernel refused in chain %s the rule `%s`%s%s: %s; %s",
		        note->name, text, refusal->expression ? " at expression " : "",
		        refusal->expression ? refusal->expression : "", strerror(-refusal->error),
		        refusal_advise(-refusal->error));
}
