/* page.c - see page.h. man(1) renders it and calls the pager; it reads the page from a file that has no name, so nobody waits
 * for a reader that has gone. Where there is no man, the source is better than nothing.
 */
#include "postern/page.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NO_MAN = 127 }; /* as a shell says it */

static void become_man(FILE *page)
{
	if (dup2(fileno(page), STDIN_FILENO) >= 0)
		execlp("man", "man", "-l", "-", (char *)NULL);
	_exit(NO_MAN);
}

/* False: it is not shown. */
static bool show_with_man(FILE *page)
{
	int status = 0;
	pid_t pid;

	rewind(page); /* what is written is in the file then */
	pid = fork();
	if (pid == 0)
		become_man(page);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void page_show(void (*print)(FILE *to))
{
	FILE *page = isatty(STDOUT_FILENO) ? tmpfile() : NULL;
	bool shown = false;

	if (page) {
		print(page);
		shown = show_with_man(page);
		fclose(page);
	}
	if (!shown)
		print(stdout);
}
