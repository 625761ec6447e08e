/* manual.c - the key table as a manual page in mdoc(7). */
#include <string.h>

#include "conf/build.h"
#include "conf/conf.h"
#include "conf/restart.h"

/* Text in mdoc: a line must not begin with a control character, backslashes are doubled, and a sentence
 * begins a line. */
static void print_text(FILE *to, const char *text)
{
	const char *begin = text;

	if (text[0] == '.' || text[0] == '\'')
		fputs("\\&", to);
	for (; *text; text++)
		if (*text == '\\')
			fputs("\\e", to);
		else if (*text == '-')
			fputs("\\-", to);
		else if (*text == ' ' && text > begin && text[-1] == '.')
			fputc('\n', to);
		else
			fputc(*text, to);
	fputc('\n', to);
}

static void print_words(FILE *to, const char *const *words)
{
	unsigned i;

	for (i = 0; words[i]; i++)
		fprintf(to, "%s%s", i ? ", " : " ", words[i]);
}

static void print_duration(FILE *to, int64_t seconds)
{
	if (seconds > 0 && seconds % 86400 == 0)
		fprintf(to, "%lldd", (long long)seconds / 86400);
	else
		fprintf(to, "%llds", (long long)seconds);
}

/* "number, 64 to 1048576 packets." */
static void print_type(FILE *to, const struct key *key)
{
	char least[VALUE_DECIMAL_MAX], most[VALUE_DECIMAL_MAX];

	fprintf(to, "Type: %s", key_types[key->type].what);
	if (key->words)
		print_words(to, key->words);
	if (key->type == KEY_DURATION) {
		fputs(", ", to);
		print_duration(to, key->min);
		fputs(" to ", to);
		print_duration(to, key->max);
	} else if (key->type == KEY_DECIMAL) {
		fprintf(to, ", %s to %s", value_print_decimal(key->min, key->decimals, least),
		        value_print_decimal(key->max, key->decimals, most));
	} else if (key->max > key->min) {
		fprintf(to, ", %lld to %lld", (long long)key->min, (long long)key->max);
	}
	if (key->unit && key->unit[0])
		fprintf(to, " %s", key->unit);
	fputs(".\n", to);
}

static void print_key(FILE *to, const struct key *key)
{
	const char *quote =
	        key->type == KEY_NAME || key->type == KEY_LOGFILE || key->type == KEY_SOCKET ? "\\(dq" : "";
	char label[KEY_LABEL_MAX];

	fprintf(to, ".It Ic %s\n", key->name);
	print_text(to, key->help);
	print_type(to, key);
	if (key->type == KEY_INCLUDE)
		return;
	if (!key->fallback)
		fputs("Default: empty.\n", to);
	else if (key_types[key->type].list)
		fprintf(to, "Default: { %s }.\n", key->fallback);
	else
		fprintf(to, "Default: %s%s%s.\n", quote, key->fallback, quote);
	if (restart_needs(key_label(key, label)))
		fputs("Takes effect at a restart.\n", to);
}

static void print_block(FILE *to, enum block_kind kind)
{
	const struct block_info *info = &block_infos[kind];
	const struct key *key = NULL;

	if (kind != BLOCK_ROOT)
		fprintf(to, ".Ss %s%s { ... }\n", info->name, info->titled ? " \\(dqtitle\\(dq" : "");
	print_text(to, info->help);
	fputs(".Bl -tag -width mark-mask\n", to);
	while ((key = key_next(kind, key)))
		print_key(to, key);
	fputs(".El\n", to);
}

static const char head[] =
        ".\\\" Made from the key table: postern help postern.conf > packaging/postern.conf.5\n"
        ".Dd November 21, 2026\n"
        ".Dt POSTERN.CONF 5\n"
        ".Os\n"
        ".Sh NAME\n"
        ".Nm postern.conf\n"
        ".Nd configuration of posternd(8) and postern(8)\n"
        ".Sh DESCRIPTION\n"
        "A file of\n"
        ".Ic key = value\n"
        "lines and blocks of them.\n"
        "Lists are written { a, b }; += adds to a list.\n"
        "Values with spaces or any of { } ( ) = + , # in them need quotes.\n"
        "Comments begin with # and end with the line.\n"
        "A key that is not on this page is an error, and so is one that is set twice;\n"
        ".Ic postern check\n"
        "shows every error with its file and line.\n"
        ".Pp\n"
        "A running posternd takes a changed file at\n"
        ".Ic postern reload\n"
        "or SIGHUP, all of it or nothing.\n"
        "What was counted, learned and found stays, and so does what is done about sources: a new limit is "
        "held\n"
        "against the counts of before.\n"
        "Keys of which it says so below take effect at a restart; a reload that would change one is refused "
        "and names it.\n"
        ".Pp\n"
        "Titles of upstream, servers and network blocks are names of groups of addresses;\n"
        "no two may be the same, and none may be any, home, servers or self.\n"
        "Wherever a group is named, an address or prefix may stand too.\n"
        ".Sh KEYS\n";

static const char tail[] = ".Sh FILES\n"
                           ".Bl -tag -width Ds\n"
                           ".It Pa " CONF_DEFAULT_PATH "\n"
                           "Read when no other file is named with\n"
                           ".Fl c .\n"
                           ".El\n"
                           ".Sh EXAMPLES\n"
                           "Mail for our domain comes through the provider's hosts only:\n"
                           ".Bd -literal -offset indent\n"
                           "mode = enforce\n"
                           "home = { \"192.168.0.0/16\" }\n"
                           "upstream \"isp\" { addresses = { \"198.51.100.10\" } }\n"
                           "servers \"mail\" {\n"
                           "    addresses = { \"192.168.0.10\" }\n"
                           "    domains   = { \"example.org\", \".example.org\" }\n"
                           "}\n"
                           "rule \"in\"  { from = { \"isp\" }   to = { \"mail\" } }\n"
                           "rule \"out\" { from = { \"mail\" }  to = { \"isp\" } }\n"
                           ".Ed\n"
                           ".Sh SEE ALSO\n"
                           ".Xr postern 8 ,\n"
                           ".Xr posternd 8\n";

void conf_print_manual(FILE *to)
{
	unsigned kind;

	fputs(head, to);
	for (kind = 0; kind < BLOCK_KINDS; kind++)
		print_block(to, kind);
	fputs(tail, to);
}
