/* test_claim.c - the holder of a table is found, however many have asked before, and is ended. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "gate/claim.h"
#include "netns.h"
#include "suite.h"

enum { ASKERS = 200, WAIT_MS = 20000 };

static char err[300];

/* A process that has the claim and looks after it. */
static pid_t start_holder(void)
{
	int guests[CLAIM_GUESTS_MAX], ready[2], claim;
	char byte = 0;
	pid_t pid;

	CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
	pid = fork();
	CU_ASSERT_FATAL(pid >= 0);
	if (pid == 0) {
		memset(guests, 0xff, sizeof(guests));
		claim = claim_table("postern", err, sizeof(err));
		for (bool told = false; claim >= 0; told = true) {
			claim_tick(claim, guests);
			if (!told && write(ready[1], "x", 1) != 1)
				break;
			usleep(1000);
		}
		_exit(EXIT_FAILURE);
	}
	CU_ASSERT_EQUAL_FATAL(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void nobody_has_it(void)
{
	int pid, claim = claim_table("postern", err, sizeof(err));

	CU_ASSERT(claim >= 0);
	CU_ASSERT_STRING_EQUAL(err, "");
	claim_close(claim);
	CU_ASSERT_EQUAL(claim_end_holder("postern", WAIT_MS, &pid), 0);
}

static void the_holder_is_found_after_many_have_asked(void)
{
	pid_t holder = start_holder();
	unsigned unknown = 0;
	char who[32];
	int pid, status;

	snprintf(who, sizeof(who), "process %d ", (int)holder);
	for (unsigned i = 0; i < ASKERS; i++) {
		CU_ASSERT_EQUAL(claim_table("postern", err, sizeof(err)), -1);
		CU_ASSERT_EQUAL(errno, EBUSY);
		unknown = strstr(err, who) ? 0 : unknown + 1;
		CU_ASSERT_FATAL(unknown < WAIT_MS);
		if (unknown > 0) { /* those before us were not let go yet */
			usleep(1000);
			i--;
		}
	}
	while ((status = claim_end_holder("postern", WAIT_MS, &pid)) == -EAGAIN)
		usleep(1000);
	CU_ASSERT_EQUAL(status, 1);
	CU_ASSERT_EQUAL(pid, holder);
	CU_ASSERT_EQUAL(waitpid(holder, &status, 0), holder);
	CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

SUITE("claim", { "nobody has it", nobody_has_it },
        { "the holder is found after many have asked", the_holder_is_found_after_many_have_asked })
