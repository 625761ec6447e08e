/* explanation.c - see explanation.h: sentences, of the same tables as the JSON of explanation_json.c. */
#include "report/explanation.h"

#include <assert.h>
#include <string.h>

#include "postern/kind.h"
#include "report/escape.h"
#include "report/explanation_inner.h"
#include "report/volume_text.h"
#include "report/words.h"

enum { LABEL_COLUMNS = 10 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *const explanation_do_names[] = { POLICY_DO_NAMES };
const char *const explanation_mode_names[] = { POLICY_MODE_NAMES };
static const char *const kind_names[] = { "any", "home", "servers", "upstream", "servers", "network",
	"address", "self" };
static_assert(COUNT(kind_names) == GROUP_KIND_COUNT, "a name for each kind of group");

const struct explanation_words explanation_clients[] = {
	[EXPLAINED_STRANGER] = { "stranger", "not ours: neither in home nor in may-relay" },
	[EXPLAINED_NOT_HOME] = { "not-home", "not ours: taken out of home by not-home" },
	[EXPLAINED_HOME] = { "home", "ours: in home" },
	[EXPLAINED_MAY_RELAY] = { "may-relay", "ours: in may-relay" },
};
static_assert(COUNT(explanation_clients) == EXPLAINED_CLIENTS, "a word for each");

const struct explanation_words explanation_unguarded[] = {
	[EXPLAINED_GUARDED] = { NULL, NULL },
	[EXPLAINED_PORT] = { "port", "leaves it alone: the port is not among ports" },
	[EXPLAINED_HOOK] = { "hook", "leaves it alone: the hook is not among nft.hooks" },
	[EXPLAINED_LOOPBACK] = { "loopback",
	        "leaves it alone: what the gateway says to itself is never guarded" },
};
static_assert(COUNT(explanation_unguarded) == EXPLAINED_UNGUARDED_COUNT, "a word for each");

/* What the kernel does: [in this mode][what the rules say]. */
static const char *const kernel_sentences[MODE_COUNT][DO_COUNT] = {
	[MODE_MONITOR] = { [DO_INSPECT] = "lets it through and hands it over for inspection",
	        [DO_REFUSE] =
	                "lets it through for inspection and logs it; in mode enforce: refuses it with a TCP "
	                "reset",
	        [DO_DROP] =
	                "lets it through for inspection and logs it; in mode enforce: drops it unanswered",
	        [DO_REFUSE_SESSION] = "lets it through and hands it over for inspection; in mode enforce its "
	                              "greeting would become 554" },
	[MODE_ENFORCE] = { [DO_INSPECT] = "lets it through and hands it over for inspection",
	        [DO_REFUSE] = "refuses it with a TCP reset and logs it",
	        [DO_DROP] = "drops it unanswered and logs it",
	        [DO_REFUSE_SESSION] = "lets it through up to the greeting, which becomes 554" },
};

const struct explanation_words explanation_hops[] = {
	[POLICY_HOP_FOREIGN] = { "foreign", "foreign" },
	[POLICY_HOP_LOCAL] = { "local", "ours: no domain" },
	[POLICY_HOP_DOMAIN] = { "domain", "ours by domains" },
	[POLICY_HOP_NAME] = { "name", "ours by names" },
	[POLICY_HOP_ADDRESS] = { "address", "ours by addresses" },
	[POLICY_HOP_PUBLIC] = { "public", "ours by public" },
	[POLICY_HOP_LOOPBACK] = { "loopback", "ours: the server itself" },
};
static_assert(COUNT(explanation_hops) == POLICY_HOP_COUNT, "a word for each");

const struct explanation_spared explanation_spared[] = {
	[EXPLAINED_LIKE_OTHERS] = { NULL, NULL, NULL },
	[EXPLAINED_GATEWAY] = { "gateway", "the client is the gateway itself",
	        "the gateway itself: never blocked, and only told by the watch" },
	[EXPLAINED_UPSTREAM] = { "upstream", "the client is an upstream",
	        "an upstream: never blocked, and only told by the watch" },
	[EXPLAINED_SERVER] = { "server", "the client is a server of ours",
	        "a server of ours: never blocked, and only told by the watch" },
	[EXPLAINED_NEVER_BLOCK] = { "never-block", "never-block names the client",
	        "never-block names it: never blocked, and only told by the watch" },
	[EXPLAINED_SHARED] = { "shared", "the client is shared",
	        "many are behind it, as shared says: limited, or refused a session, in place of blocked" },
};
static_assert(COUNT(explanation_spared) == EXPLAINED_SPARED_COUNT, "a word for each");

static const char *const action_sentences[] = {
	[ACTION_ALERT] = "it passes, and is told as a relay attempt", /* unless that is suppressed */
	[ACTION_DEFER_RECIPIENT] = "it gets a 450, the connection goes on",
	[ACTION_REFUSE_RECIPIENT] = "it gets a 550, the connection goes on",
	[ACTION_REFUSE_SESSION] = "it gets a 554, then the connection is reset",
	[ACTION_BLOCK] = "it gets a 554, the connection is reset, and the client is blocked",
	[ACTION_RESET] = "the connection is reset",
	[ACTION_SLOW] = "the server decides; its refusals are held back for a while",
};
static_assert(COUNT(action_sentences) == ACTION_RELAY_COUNT, "a sentence for each");

/* Of what passes: [relay.attempt is suppressed][relay.accepted is]. */
static const char *const alert_sentences[2][2] = {
	{ NULL, "it passes, and is told only if the server refuses it" },
	{ "it passes, and is told only if the server accepts it",
	        "it passes, and is not told as a relay attempt" },
};

static const char *action_sentence(const struct explanation *x, enum action action)
{
	const char *hushed = alert_sentences[x->attempt_by != NULL][x->accepted_by != NULL];

	return action == ACTION_ALERT && hushed ? hushed : action_sentences[action];
}

enum policy_mode explanation_mode(const struct explanation *x)
{
	return policy_settings(x->policy)->mode;
}

bool explanation_is_said(const struct explanation *x)
{
	return x->unguarded != EXPLAINED_GUARDED || x->kernel_now == DO_INSPECT;
}

bool explanation_is_judged(const struct explanation *x)
{
	return x->unguarded == EXPLAINED_GUARDED && x->connection.server >= 0;
}

const char *explanation_next_unresolved(const struct explanation *x, unsigned *id)
{
	struct policy_rule_view rule;

	if (x->connection.rule == POLICY_OTHERWISE)
		return NULL;
	rule = policy_rule(x->policy, (unsigned)x->connection.rule);
	while (rule.stand_in && *id < policy_group_count(x->policy)) {
		struct policy_group_view g = policy_group(x->policy, *id);
		bool is_in = policy_groups_have(&rule.from, *id) || policy_groups_have(&rule.to, *id);

		++*id;
		if (is_in && g.followed && !g.resolved)
			return g.name;
	}
	return NULL;
}

bool explanation_is_counted(const struct explanation *x)
{
	return x->unguarded == EXPLAINED_GUARDED && explanation_is_said(x) &&
	       policy_watching(x->policy)->volume_count > 0;
}

static void print_place(FILE *to, const struct explained_place *p)
{
	if (p->file && p->text)
		fprintf(to, " (%s, %s:%u)", p->text, p->file, p->line);
	else if (p->file)
		fprintf(to, " (%s:%u)", p->file, p->line);
}

/* Of a key that has a default. */
static void print_key_place(FILE *to, const struct explained_place *p)
{
	if (p->file)
		fprintf(to, " (%s:%u)", p->file, p->line);
	else
		fputs(" (the default)", to);
}

static void print_foreign(FILE *to, const char *bytes)
{
	char text[EXPLANATION_PATH_MAX * ESCAPE_GROWTH];
	size_t len = escape_bytes(text, bytes, strnlen(bytes, EXPLANATION_PATH_MAX));

	fwrite(text, 1, len, to);
}

static void print_end(
        const struct explanation *x, const struct explained_end *end, const char *label, FILE *to)
{
	const char *before = "";

	fprintf(to, "%-*s%s%s%s: ", LABEL_COLUMNS, label, end->self ? "the gateway" : "",
	        end->self && end->address[0] ? " at " : "", end->address);
	for (unsigned id = 0; id < policy_group_count(x->policy); id++) {
		struct policy_group_view g = policy_group(x->policy, id);

		if (id == GROUP_ID_ANY || !policy_groups_have(&end->groups, id))
			continue;
		fprintf(to, "%s%s", before, kind_names[g.kind]);
		if (g.kind >= GROUP_UPSTREAM && g.kind <= GROUP_LITERAL)
			fprintf(to, " \"%s\"", g.name);
		before = ", ";
	}
	fprintf(to, "%s\n", before[0] ? "" : "in no group");
}

static void print_unresolved(const struct explanation *x, FILE *to)
{
	unsigned id = 0;
	const char *name;

	while ((name = explanation_next_unresolved(x, &id)))
		fprintf(to,
		        "%-*sNOT ENFORCED: upstream \"%s\" has never resolved, so anybody may be in it; that "
		        "is what is known here, where no DNS is asked (postern upstreams: what posternd "
		        "knows)\n",
		        LABEL_COLUMNS, "", name);
}

static void print_connection(const struct explanation *x, FILE *to)
{
	const struct policy_connection *c = &x->connection;

	if (x->unguarded != EXPLAINED_GUARDED) {
		fprintf(to, "%-*s%s", LABEL_COLUMNS, "kernel", explanation_unguarded[x->unguarded].sentence);
		print_place(to, &x->unguarded_place);
		fputc('\n', to);
		return;
	}
	fprintf(to, "%-*s%s, %s\n", LABEL_COLUMNS, "hook", x->hook, words_get(WORDS_DIRECTION, c->direction));
	if (c->rule == POLICY_OTHERWISE)
		fprintf(to, "%-*sno rule: otherwise = %s", LABEL_COLUMNS, "rule",
		        explanation_do_names[c->what]);
	else
		fprintf(to, "%-*s%s: %s", LABEL_COLUMNS, "rule",
		        policy_rule(x->policy, (unsigned)c->rule).title, explanation_do_names[c->what]);
	print_key_place(to, &x->rule);
	fputc('\n', to);
	print_unresolved(x, to);
	fprintf(to, "%-*s%s\n", LABEL_COLUMNS, "kernel", kernel_sentences[explanation_mode(x)][c->what]);
}

static void print_relaying(const struct explanation *x, FILE *to)
{
	fprintf(to, "%-*s", LABEL_COLUMNS, "relaying");
	if (!explanation_is_judged(x)) {
		fputs("not judged: ", to);
		if (x->unguarded != EXPLAINED_GUARDED)
			fputs("not inspected\n", to);
		else if (x->server.self && !x->server.address[0])
			fputs("that depends on the gateway's address; write self@ADDRESS\n", to);
		else
			fputs("the server is none of ours\n", to);
		return;
	}
	fprintf(to, "judged at servers \"%s\"", policy_group(x->policy, (unsigned)x->connection.server).name);
	if (x->servers.file)
		fprintf(to, " (%s:%u)", x->servers.file, x->servers.line);
	fprintf(to, "; the client is %s", explanation_clients[x->client_kind].sentence);
	print_place(to, &x->client_place);
	fputs(x->connection.client_ours ? "\n" : "; it is ours once it has authenticated\n", to);
}

static void print_lists(const struct explanation *x, FILE *to)
{
	const struct policy_settings *s = policy_settings(x->policy);
	const char *before = "";

	if (!x->listable)
		return;
	fprintf(to, "%-*sasked about the client once the server has greeted it:", LABEL_COLUMNS, "DNS lists");
	for (unsigned i = 0; i < POLICY_LISTS_MAX; i++)
		if (s->lists[i][0]) {
			fprintf(to, "%s %s", before, s->lists[i]);
			before = ",";
		}
	fprintf(to, "; if it is on one: %s%s", words_get(WORDS_ACTION, x->list_action),
	        s->mode == MODE_MONITOR && x->list_action != ACTION_ALERT ? " in mode enforce" : "");
	print_key_place(to, &x->list_place);
	fputc('\n', to);
}

static void print_volumes(const struct explanation *x, FILE *to)
{
	const struct watching *w = policy_watching(x->policy);
	unsigned blocks = 0;

	if (!explanation_is_counted(x))
		return;
	for (unsigned key = 0; key < VOLUME_KEY_COUNT; key++) {
		const struct explained_place *p = &x->volume_places[key];

		if (x->volumes[key] < 0)
			continue;
		fprintf(to, "%-*scounted by \"%s\"", LABEL_COLUMNS, blocks++ ? "" : "volume",
		        w->volumes[x->volumes[key]].name);
		if (p->file)
			fprintf(to, " (%s:%u)", p->file, p->line);
		fputs(": ", to);
		volume_text_print(&w->volumes[x->volumes[key]], to);
		fputs(explanation_mode(x) == MODE_MONITOR &&
		                        w->volumes[x->volumes[key]].action != ACTION_ALERT
		                ? " in mode enforce\n"
		                : "\n",
		        to);
	}
	if (blocks == 0)
		fprintf(to, "%-*s%s\n", LABEL_COLUMNS, "volume",
		        x->connection.client_upstream ? "not counted: an upstream passes on what others wrote"
		                                      : "not counted: no volume block names the client");
}

static void print_spared(const struct explanation *x, FILE *to)
{
	if (x->spared == EXPLAINED_LIKE_OTHERS)
		return;
	fprintf(to, "%-*s%s", LABEL_COLUMNS, "spared", explanation_spared[x->spared].sentence);
	print_place(to, &x->spared_place);
	fputc('\n', to);
}

static void print_suppressions(const struct explanation *x, FILE *to)
{
	const struct suppressions *all = policy_suppressions(x->policy);

	for (unsigned i = 0; i < all->count; i++) {
		const struct suppression *s = &all->list[i];

		if (!x->suppressed[i])
			continue;
		fprintf(to, "%-*s\"%s\"", LABEL_COLUMNS, "suppress", s->name);
		print_place(to, &x->suppress_places[i]);
		fputs(": not told, and the client not blocked, limited or slowed for it: ", to);
		for (unsigned n = 0; n < s->rule_count; n++)
			fprintf(to, "%s%s", n ? ", " : "", finding_rule(s->rules[n]));
		fprintf(to, "%s: %s\n", s->rule_count ? "" : "whatever is found", s->reason);
	}
}

static void print_hops(const struct explained_recipient *r, FILE *to)
{
	for (unsigned i = 0; i < r->address.hop_count && i <= r->judged.hop; i++) {
		fprintf(to, "%-*s  %s ", LABEL_COLUMNS, "", i ? "then" : "goes to");
		print_foreign(to, r->address.hops[i].domain);
		fprintf(to, ": %s", explanation_hops[r->hops[i].why].sentence);
		print_place(to, &r->hops[i].place);
		fputc('\n', to);
	}
}

static const char never_said[] = "it is never said, the connection is refused before";

static void print_judgement(const struct explanation *x, const struct explained_recipient *r, FILE *to)
{
	const char *passes = explanation_is_said(x) ? "it passes" : never_said;

	fprintf(to, "%-*s  ", LABEL_COLUMNS, "");
	if (r->judged.ours) {
		fprintf(to, "ours: %s\n", passes);
		return;
	}
	if (x->connection.client_ours) {
		fprintf(to, "foreign, but the client is ours: %s\n", passes);
		return;
	}
	fprintf(to, "foreign%s: %s; relay.%s = %s",
	        r->address.form == SMTP_FORM_MALFORMED ? ", for it cannot be read to its end"
	        : r->address.form == SMTP_FORM_NULL    ? ", for it names no recipient at all"
	                                               : "",
	        explanation_is_said(x) ? action_sentence(x, r->now) : never_said,
	        r->judged.trick ? "tricks" : "action", words_get(WORDS_ACTION, r->written));
	print_key_place(to, &r->action);
	if (r->unblocked)
		fprintf(to, ", but suppress \"%s\" covers it: %s", x->attempt_by->name,
		        words_get(WORDS_ACTION, r->judged.action));
	else if (r->written != r->judged.action)
		fprintf(to, ", but %s: %s", explanation_spared[x->spared].because,
		        words_get(WORDS_ACTION, r->judged.action));
	if (r->spared)
		fputs("; never for upstreams and servers", to);
	else if (explanation_is_said(x) && x->connection.what != DO_INSPECT)
		fprintf(to, "; in mode enforce: %s", never_said);
	else if (explanation_is_said(x) && r->now != r->judged.action)
		fprintf(to, "; in mode enforce: %s", action_sentence(x, r->judged.action));
	fputc('\n', to);
}

static void print_recipients(const struct explanation *x, FILE *to)
{
	unsigned most = policy_settings(x->policy)->max_refusals;

	for (unsigned i = 0; i < x->recipient_count; i++) {
		const struct explained_recipient *r = &x->recipients[i];

		fprintf(to, "%-*s", LABEL_COLUMNS, "recipient");
		print_foreign(to, r->path);
		fprintf(to, ": %s\n", words_get(WORDS_FORM, r->address.form));
		if (!explanation_is_judged(x))
			continue;
		print_hops(r, to);
		print_judgement(x, r, to);
	}
	if (x->foreign_count > most && explanation_is_said(x)) {
		fprintf(to, "%-*smore than relay.max-refusals = %u", LABEL_COLUMNS, "", most);
		print_key_place(to, &x->max_refusals);
		fputs(": the transaction is deferred as a whole\n", to);
	}
}

void explanation_print(const struct explanation *x, FILE *to)
{
	fprintf(to, "%-*s%s", LABEL_COLUMNS, "mode", explanation_mode_names[explanation_mode(x)]);
	print_key_place(to, &x->mode);
	fputc('\n', to);
	print_end(x, &x->client, "client", to);
	print_end(x, &x->server, "server", to);
	fprintf(to, "%-*s%u\n", LABEL_COLUMNS, "port", x->port);
	print_connection(x, to);
	print_relaying(x, to);
	print_lists(x, to);
	print_volumes(x, to);
	print_spared(x, to);
	print_suppressions(x, to);
	if (x->sender) {
		fprintf(to, "%-*s", LABEL_COLUMNS, "sender");
		print_foreign(to, x->sender);
		fputs(": relaying does not depend on it\n", to);
	}
	print_recipients(x, to);
	fprintf(to, "%-*s%s\n", LABEL_COLUMNS, "result",
	        x->refused           ? "something is refused"
	        : x->enforce_refuses ? "it passes; in mode enforce something would be refused"
	                             : "it passes");
}
