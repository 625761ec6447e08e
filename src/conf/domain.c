/* domain.c - domains and host names as people write them, to the two forms that mail may carry.
 *
 * Mail with internationalised domains carries A-labels (xn--...), or with SMTPUTF8 (RFC 6531)
 * U-labels; both are given. libidn2 maps (case, width) as UTS 46 non-transitional does. On top of it
 * the rules of RFC 1035 section 2.3.4: labels of 1 to 63 bytes, 253 in all; letters, digits, hyphens
 * inside, and the underscore that some inside domains have.
 */
#include <errno.h>
#include <idn2.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "conf/build.h"

enum { LABEL_BYTES_MAX = 63, NAME_BYTES_MAX = 253 };

/* What is wrong with an ASCII name, or NULL. */
static const char *name_flaw(const char *name)
{
	const char *label = name;
	size_t len;

	if (strlen(name) > NAME_BYTES_MAX)
		return "it is longer than 253 bytes";
	do {
		len = strcspn(label, ".");
		if (len == 0)
			return "a label is empty (two dots, or nothing)";
		if (len > LABEL_BYTES_MAX)
			return "a label is longer than 63 bytes";
		if (strspn(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") < len)
			return "a character is in it that no domain has";
		if (label[0] == '-' || label[len - 1] == '-')
			return "a label begins or ends with a hyphen";
		label += len;
	} while (*label++ == '.');
	return NULL;
}

/* Mistakes that have a better answer than "not a domain". 0 or -EINVAL. */
static int catch_mistakes(const char *text, bool subdomains_allowed, char why[DOMAIN_WHY_MAX])
{
	const char *at = strrchr(text, '@');
	struct prefix prefix;

	if (at)
		snprintf(why, DOMAIN_WHY_MAX,
		        "\"%.60s\" is an address of a person; write the domain alone: %.80s", text, at + 1);
	else if (strncmp(text, "*.", 2) == 0 && subdomains_allowed)
		snprintf(why, DOMAIN_WHY_MAX, "\"%.60s\": write \".%.80s\" for every subdomain", text,
		        text + 2);
	else if (text[0] == '.' && !subdomains_allowed)
		snprintf(why, DOMAIN_WHY_MAX, "\"%.60s\" begins with a dot; write one host name", text);
	else if (prefix_parse(text, &prefix) != -EINVAL)
		snprintf(why, DOMAIN_WHY_MAX,
		        "\"%.60s\" is an address; write a name (addresses have their own keys)", text);
	else
		return 0;
	return -EINVAL;
}

static int copy_form(char out[DOMAIN_TEXT_MAX], const char *dot, const char *name)
{
	int len = snprintf(out, DOMAIN_TEXT_MAX, "%s%s", dot, name);

	return len < DOMAIN_TEXT_MAX ? 0 : -EINVAL;
}

int domain_read(const char *text, bool subdomains_allowed, struct domain_forms *out, char why[DOMAIN_WHY_MAX])
{
	char name[DOMAIN_TEXT_MAX], *ascii = NULL, *unicode = NULL;
	const char *dot = text[0] == '.' ? "." : "", *flaw;
	size_t len = strlen(text + strlen(dot));
	int rc;

	if (catch_mistakes(text, subdomains_allowed, why) < 0)
		return -EINVAL;
	if (len >= sizeof(name)) {
		snprintf(why, DOMAIN_WHY_MAX, "\"%.40s...\" is no domain: it is too long; correct it", text);
		return -EINVAL;
	}
	memcpy(name, text + strlen(dot), len + 1);
	if (len > 0 && name[len - 1] == '.')
		name[len - 1] = '\0';
	rc = idn2_to_ascii_8z(name, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	flaw = rc == IDN2_OK ? name_flaw(ascii) : idn2_strerror(rc);
	*out = (struct domain_forms) { 0 };
	if (!flaw && (copy_form(out->ascii, dot, ascii) < 0 ||
	                     idn2_to_unicode_8z8z(ascii, &unicode, IDN2_NONTRANSITIONAL) != IDN2_OK))
		flaw = "its xn-- form cannot be read";
	if (!flaw && strcmp(unicode, ascii) != 0 && copy_form(out->unicode, dot, unicode) < 0)
		flaw = "it is too long";
	if (flaw)
		snprintf(why, DOMAIN_WHY_MAX, "\"%.60s\" is no domain: %s; correct it", text, flaw);
	idn2_free(ascii);
	idn2_free(unicode);
	return flaw ? -EINVAL : 0;
}
