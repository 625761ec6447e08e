/* control_socket.h - the Unix socket at which posternd is asked: made, shared with a group, taken away. */
#ifndef POSTERND_CONTROL_SOCKET_H
#define POSTERND_CONTROL_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

enum { CONTROL_PATH_MAX = 108 };

struct control_socket {
	int fd; /* listening, does not block; -1 = none */
	char path[CONTROL_PATH_MAX];
	dev_t device; /* of what we have made there */
	ino_t inode;
	gid_t group;
	bool shared; /* with that group; else root alone may ask */
};

/* 0; or -errno with a message in err, and s->fd is -1. A message without an error: something worth saying. What a
 * dead process has left there is replaced, a living one's socket never (-EADDRINUSE), nor what is no socket (-EEXIST). */
int control_socket_open(
        struct control_socket *s, const char *path, const char *group, char *err, unsigned err_bytes);
/* Closes, and removes what is there if it is still ours. */
void control_socket_close(struct control_socket *s);
/* Who is at the other end of a connection may ask: root, our own user, a member of the group. */
bool control_socket_may(const struct control_socket *s, int connection, uid_t *uid);

#endif
