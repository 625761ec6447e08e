/* fuzz.h - what the fuzz drivers share: checks that end the run, and inputs read as a talk.
 *
 * A talk is text with orders in it: the byte 0xff and a letter, some with a number behind them (one byte).
 * "0xff C" and "0xff S" say whose bytes follow; what else there is, each driver says. 0xff and a byte that
 * is no order of the driver are text. So text grows where the fuzzer finds words, and orders are two bytes to
 * put in or take out.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): the message goes to stderr whatever NDEBUG says, and abort() is a finding. */
#define FUZZ_CHECK(what)                                                                                     \
	do {                                                                                                 \
		if (!(what)) {                                                                               \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #what);            \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

/* What is left of an input. */
struct input {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t input_byte(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->at++;
}

static inline uint16_t input_u16(struct input *in)
{
	uint8_t high = input_byte(in);

	return (uint16_t)(high << 8 | input_byte(in));
}

/* A copy of exactly that size, so that reading beyond it is seen. Free it. */
static inline uint8_t *input_copy(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len);

	FUZZ_CHECK(copy || len == 0);
	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

/* One step of a talk: an order (a letter of `orders`; number: the byte behind it, for lower-case letters), or
 * text (order 0). False at the end of the input. */
struct step {
	char order;
	uint8_t number;
	const uint8_t *text;
	size_t len;
};
static inline bool input_step(struct input *in, const char *orders, struct step *s)
{
	const uint8_t *end = in->at + in->left, *from = in->at, *p;

	if (in->left == 0)
		return false;
	for (p = from; p < end && !(p[0] == 0xff && p + 1 < end && p[1] && strchr(orders, p[1])); p++)
		;
	*s = (struct step) { .text = from, .len = (size_t)(p - from) };
	in->at = p;
	in->left = (size_t)(end - p);
	if (s->len > 0)
		return true;
	input_byte(in);
	s->order = (char)input_byte(in);
	if (s->order >= 'a')
		s->number = input_byte(in);
	return true;
}

#endif
