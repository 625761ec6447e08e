/* refusal.h - what the kernel said no to, in words that say what to do. */
#ifndef GATE_REFUSAL_H
#define GATE_REFUSAL_H

struct batch_refusal;
struct ruleset;

void refusal_say(char *err, unsigned err_bytes, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* error: errno. What to do about it. */
const char *refusal_advise(int error);
/* r: what the refused batch was made of. */
void refusal_explain(
        const struct ruleset *r, const struct batch_refusal *refusal, char *err, unsigned err_bytes);

#endif
