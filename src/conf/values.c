/* values.c - handlers of the keys that hold one value, and of ports.
 *
 * libconfuse hands over text only; reading it here gives one kind of message for all, with the range
 * and unit from the key table, and lets checking go on behind an error.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/build.h"
#include "conf/hints.h"

/* Where the value goes: blocks with a title have their own, everything else is there once. */
static void *slot(struct build *b, struct block *block, const struct key *key)
{
	char *base = block_infos[block->kind].titled ? (char *)block : (char *)&b->draft;

	return base + key->offset;
}

static void put_number(struct build *b, struct block *block, const struct entry *e, int64_t value)
{
	memcpy(slot(b, block, e->key), &value, sizeof(value));
}

static void put_text(struct build *b, struct block *block, const struct entry *e)
{
	const char *text = e->text;

	memcpy(slot(b, block, e->key), &text, sizeof(text));
}

static bool is_number(const char *text, int base, int64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(text, &end, base);
	return errno == 0 && end != text && *end == '\0' && !isspace((unsigned char)text[0]);
}

/* Index of the word, or -1 (reported). */
static int find_word(struct build *b, const struct entry *e)
{
	const char *const *words = e->key->words;
	const char *best = NULL;
	char label[KEY_LABEL_MAX], list[160] = "";
	unsigned distance = 0, i;

	for (i = 0; words[i]; i++) {
		if (strcmp(words[i], e->text) == 0) {
			return (int)i;
		}
		nearest_try(e->text, words[i], &best, &distance);
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i ? ", " : "", words[i]);
	}
	key_label(e->key, label);
	if (best)
		build_error(b, &e->at, "%s = \"%s\" is unknown; did you mean %s? (one of: %s)", label,
		        e->text, best, list);
	else
		build_error(b, &e->at, "%s = \"%s\" is unknown; write one of: %s", label, e->text, list);
	return -1;
}

void value_word(struct build *b, struct block *block, const struct entry *e)
{
	int index = find_word(b, e);

	if (index >= 0)
		put_number(b, block, e, index);
}

/* The words of the key are some of the actions. */
void value_action(struct build *b, struct block *block, const struct entry *e)
{
	static const char *const names[ACTION_COUNT] = { ACTION_NAMES };
	int index = find_word(b, e), action = 0;

	if (index < 0)
		return;
	while (strcmp(names[action], e->key->words[index]) != 0)
		action++;
	put_number(b, block, e, action);
}

void value_hook(struct build *b, struct block *block, const struct entry *e)
{
	int64_t *hooks = slot(b, block, e->key);
	int index = find_word(b, e);

	if (index >= 0)
		*hooks |= INT64_C(1) << index;
}

void value_yesno(struct build *b, struct block *block, const struct entry *e)
{
	static const char *const words[] = { "no", "yes", "off", "on", "false", "true" };
	char label[KEY_LABEL_MAX];
	unsigned i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(e->text, words[i]) == 0) {
			put_number(b, block, e, i % 2);
			return;
		}
	build_error(b, &e->at, "%s is yes or no, not \"%s\"", key_label(e->key, label), e->text);
}

void value_number(struct build *b, struct block *block, const struct entry *e)
{
	const struct key *k = e->key;
	char label[KEY_LABEL_MAX];
	int64_t value;

	if (is_number(e->text, 10, &value) && value >= k->min && value <= k->max)
		put_number(b, block, e, value);
	else
		build_error(b, &e->at,
		        "%s = \"%s\" is no number in its range; write one from %lld to %lld%s%s",
		        key_label(k, label), e->text, (long long)k->min, (long long)k->max,
		        k->unit[0] ? " " : "", k->unit);
}

/* "2.5" with one decimal is 25. */
static bool is_decimal(const char *text, unsigned decimals, int64_t *out)
{
	size_t whole = strspn(text, "0123456789"), behind = 0;
	char digits[20];

	if (text[whole] == '.')
		behind = strspn(text + whole + 1, "0123456789");
	if (whole == 0 || behind > decimals || whole + decimals >= sizeof(digits) ||
	        text[whole + (behind ? behind + 1 : 0)] != '\0')
		return false;
	snprintf(digits, sizeof(digits), "%.*s%.*s%.*s", (int)whole, text, (int)behind, text + whole + 1,
	        (int)(decimals - behind), "0000");
	return is_number(digits, 10, out);
}

char *value_print_decimal(int64_t value, unsigned decimals, char buf[VALUE_DECIMAL_MAX])
{
	int64_t one = 1;
	int len;

	for (unsigned i = 0; i < decimals; i++)
		one *= 10;
	len = snprintf(buf, VALUE_DECIMAL_MAX, "%lld.%0*lld", (long long)(value / one), (int)decimals,
	        (long long)(value % one));
	while (len > 0 && buf[len - 1] == '0')
		buf[--len] = '\0';
	if (len > 0 && buf[len - 1] == '.')
		buf[--len] = '\0';
	return buf;
}

void value_decimal(struct build *b, struct block *block, const struct entry *e)
{
	const struct key *k = e->key;
	char label[KEY_LABEL_MAX], least[VALUE_DECIMAL_MAX], most[VALUE_DECIMAL_MAX];
	int64_t value;

	if (is_decimal(e->text, k->decimals, &value) && value >= k->min && value <= k->max)
		put_number(b, block, e, value);
	else
		build_error(b, &e->at,
		        "%s = \"%s\" is no number in its range; write one from %s to %s %s, with up to %u "
		        "digit%s behind the point",
		        key_label(k, label), e->text, value_print_decimal(k->min, k->decimals, least),
		        value_print_decimal(k->max, k->decimals, most), k->unit, k->decimals,
		        k->decimals == 1 ? "" : "s");
}

void value_count(struct build *b, struct block *block, const struct entry *e)
{
	if (strcmp(e->text, "auto") == 0)
		put_number(b, block, e, 0);
	else
		value_number(b, block, e);
}

void value_mask(struct build *b, struct block *block, const struct entry *e)
{
	char label[KEY_LABEL_MAX];
	int64_t value;

	if (is_number(e->text, 0, &value) && value > 0 && value <= UINT32_MAX &&
	        value / (value & -value) == 0xf)
		put_number(b, block, e, value);
	else
		build_error(b, &e->at,
		        "%s = \"%s\" is not four neighbouring bits; write a number like 0x0f000000 or 0xf0",
		        key_label(e->key, label), e->text);
}

/* ---- durations --------------------------------------------------------------------------------- */

enum { DURATION_TEXT_MAX = 24, EXAMPLES_TOLD = 4, EXAMPLES_TEXT_MAX = 64 };

static const struct {
	const char *suffix;
	int64_t seconds;
} units[] = { { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };

bool value_read_duration(const char *text, int64_t max, int64_t *out)
{
	int64_t value;
	char *end;
	size_t i;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	value = strtoll(text, &end, 10);
	for (i = 0; errno == 0 && i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(end, units[i].suffix) == 0 && value <= max / units[i].seconds) {
			*out = value * units[i].seconds;
			return true;
		}
	return false;
}

/* In the largest unit that leaves nothing over. */
static char *print_duration(int64_t seconds, char buf[DURATION_TEXT_MAX])
{
	size_t i = sizeof(units) / sizeof(units[0]) - 1;

	while (i > 0 && (seconds == 0 || seconds % units[i].seconds != 0))
		i--;
	snprintf(buf, DURATION_TEXT_MAX, "%lld%s", (long long)(seconds / units[i].seconds), units[i].suffix);
	return buf;
}

/* "30s, 5m or 1h": the longest ones that the key may have. Returns buf. */
static char *list_examples(const struct key *k, char buf[EXAMPLES_TEXT_MAX])
{
	static const int64_t examples[] = { 2, 5, 30, 300, 3600, 7 * 86400, 90 * 86400 };
	size_t end = sizeof(examples) / sizeof(examples[0]), begin, i, len = 0;
	char text[DURATION_TEXT_MAX];

	while (end > 1 && examples[end - 1] > k->max)
		end--;
	begin = end > EXAMPLES_TOLD ? end - EXAMPLES_TOLD : 0;
	while (begin + 1 < end && examples[begin] < k->min)
		begin++;
	for (i = begin; i < end; i++)
		len += (size_t)snprintf(buf + len, EXAMPLES_TEXT_MAX - len, "%s%s",
		        i == begin     ? ""
		        : i + 1 == end ? " or "
		                       : ", ",
		        print_duration(examples[i], text));
	return buf;
}

void value_duration(struct build *b, struct block *block, const struct entry *e)
{
	const struct key *k = e->key;
	char label[KEY_LABEL_MAX], least[DURATION_TEXT_MAX], most[DURATION_TEXT_MAX];
	char examples[EXAMPLES_TEXT_MAX];
	int64_t value = 0;

	if ((value_read_duration(e->text, k->max, &value) && value >= k->min) ||
	        (strcmp(e->text, "0") == 0 && k->min == 0)) {
		put_number(b, block, e, value);
		return;
	}
	build_error(b, &e->at, "%s = \"%s\" is no duration from %s to %s; write one like %s",
	        key_label(k, label), e->text, print_duration(k->min, least), print_duration(k->max, most),
	        list_examples(k, examples));
}

void value_name(struct build *b, struct block *block, const struct entry *e)
{
	const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	char label[KEY_LABEL_MAX];
	size_t len = strlen(e->text);

	if (isalpha((unsigned char)e->text[0]) && strspn(e->text, allowed) == len && len < POLICY_NAME_MAX)
		put_text(b, block, e);
	else
		build_error(b, &e->at,
		        "%s = \"%s\" is no name; write up to %d letters, digits, _ and -, a letter first",
		        key_label(e->key, label), e->text, POLICY_NAME_MAX - 1);
}

void value_logfile(struct build *b, struct block *block, const struct entry *e)
{
	char label[KEY_LABEL_MAX];

	if (e->text[0] == '/' || e->text[0] == '\0' || strcmp(e->text, "-") == 0)
		put_text(b, block, e);
	else
		build_error(b, &e->at,
		        "%s = \"%s\" is no absolute path; begin it with /, or write \"-\" for stdout or \"\" "
		        "for none",
		        key_label(e->key, label), e->text);
}

/* What is made first has a longer name (posternd/control_socket.c), and sun_path has 108 bytes. */
void value_socket(struct build *b, struct block *block, const struct entry *e)
{
	enum { SOCKET_PATH_MAX = 100 };
	char label[KEY_LABEL_MAX];

	if ((e->text[0] == '/' || e->text[0] == '\0') && strlen(e->text) <= SOCKET_PATH_MAX)
		put_text(b, block, e);
	else
		build_error(b, &e->at,
		        "%s = \"%s\" is no absolute path of up to %d bytes; begin it with /, or write \"\" "
		        "for none",
		        key_label(e->key, label), e->text, SOCKET_PATH_MAX);
}

void value_file(struct build *b, struct block *block, const struct entry *e)
{
	char label[KEY_LABEL_MAX];

	if (e->text[0] == '/' || e->text[0] == '\0')
		put_text(b, block, e);
	else
		build_error(b, &e->at,
		        "%s = \"%s\" is no absolute path; begin it with /, or write \"\" for none",
		        key_label(e->key, label), e->text);
}

void value_port(struct build *b, struct block *block, const struct entry *e)
{
	int64_t port;
	unsigned i;

	(void)block;
	if (!is_number(e->text, 10, &port) || port < e->key->min || port > e->key->max) {
		build_error(b, &e->at, "\"%s\" is no TCP port; write a number from %lld to %lld", e->text,
		        (long long)e->key->min, (long long)e->key->max);
		return;
	}
	if (port == 587 || port == 465) {
		build_error(b, &e->at,
		        "port %lld is for mail submission by people who log in and always stays open; remove "
		        "it",
		        (long long)port);
		return;
	}
	for (i = 0; i < b->port_count; i++)
		if (b->ports[i] == port) {
			build_error(b, &e->at, "port %lld is listed twice; remove one", (long long)port);
			return;
		}
	if (b->port_count == POLICY_PORTS_MAX) {
		build_error(b, &e->at, "more than %d ports; remove some", POLICY_PORTS_MAX);
		return;
	}
	b->ports[b->port_count++] = (uint16_t)port;
}
