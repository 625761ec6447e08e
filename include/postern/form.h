/* form.h - contract: how a forward-path was written, as events and findings name it.
 *
 * smtp/address reads the forms, policy judges them, watch and report only name them; hence the list
 * stands here, where all of them may look.
 */
#ifndef POSTERN_FORM_H
#define POSTERN_FORM_H

#define SMTP_FORMS(X)                                                                                        \
	X(PLAIN, "plain")                                                                                    \
	X(BARE, "bare") /* no domain: postmaster, a local name */                                            \
	X(NULL, "null") /* <> */                                                                             \
	X(ROUTE, "source-route")                                                                             \
	X(PERCENT, "percent")                                                                                \
	X(BANG, "bang")                                                                                      \
	X(QUOTED, "quoted")      /* "u@b"@a, u@b@a, or a wholly quoted recipient */                          \
	X(LITERAL, "literal")    /* u@[192.0.2.1] and nothing else odd */                                    \
	X(EMPTY, "empty-domain") /* u@b@, u@. and nothing else odd */                                        \
	X(IMCEASMTP, "imceasmtp")                                                                            \
	X(DECNET, "decnet")       /* b::u@a */                                                               \
	X(X400, "x400")           /* /RFC-822=u(a)b/@a */                                                    \
	X(MIXED, "mixed")         /* more than one of the above */                                           \
	X(MALFORMED, "malformed") /* cannot be read: hops may be missing */

enum smtp_form {
#define X(name, text) SMTP_FORM_##name,
	SMTP_FORMS(X)
#undef X
	        SMTP_FORM_COUNT
};

#endif
