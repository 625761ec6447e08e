/* control_socket.c - see control_socket.h.
 *
 * The socket is made under another name, gets its owner and mode there, and takes its place by rename(2): there is no
 * moment at which it can be reached with other rights. Whether somebody lives at the old one is asked by connecting:
 * a dead process refuses. Two starts at once are kept apart by a lock on the folder, for that moment only.
 *
 * Rights are asked twice, for the mode of a file can be changed: what the kernel tells of the other process decides
 * (SO_PEERCRED, SO_PEERGROUPS), which is who it was when it connected.
 *
 * Limits: without a folder one is made, but none above it. Kernels before 4.13 do not tell the further groups of a
 * process: there the group must be its first one.
 *
 * Rejected: a file with a lock beside the socket (one name more to explain and to leave behind); SO_PASSCRED messages
 * (the other process would choose among its identities).
 *
 * Sources: unix(7), flock(2).
 */
#include "posternd/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

enum { BACKLOG = 1024, GROUPS_MAX = 1024 };

static struct sockaddr_un name_of(const char *path)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };

	memcpy(name.sun_path, path, strnlen(path, sizeof(name.sun_path) - 1));
	return name;
}

/* 0: nobody lives there, and nothing is in the way; else -errno. */
static int find_living(const char *path)
{
	struct sockaddr_un name = name_of(path);
	struct stat st;
	int fd, r = 0;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&name, sizeof(name)) == 0 || errno != ECONNREFUSED)
		r = -EADDRINUSE; /* also when its queue is full */
	close(fd);
	return r;
}

/* A folder of ours, locked; or -errno. */
static int lock_folder(const char *path)
{
	char copy[CONTROL_PATH_MAX];
	const char *folder;
	int fd;

	snprintf(copy, sizeof(copy), "%s", path);
	folder = dirname(copy);
	if (mkdir(folder, 0755) && errno != EEXIST)
		return -errno;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	close(fd);
	return -EADDRINUSE;
}

static int make_at(struct control_socket *s, const char *path)
{
	struct sockaddr_un name = name_of(path);
	mode_t before;
	int r = 0;

	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return -errno;
	before = umask(0177);
	if (bind(s->fd, (const struct sockaddr *)&name, sizeof(name)))
		r = -errno;
	umask(before);
	return r;
}

/* Owner, mode, place. */
static int publish(struct control_socket *s, const char *path, char *err, unsigned err_bytes)
{
	struct stat st;

	if (s->shared && lchown(path, (uid_t)-1, s->group)) {
		snprintf(err, err_bytes,
		        "it cannot be given to its group (%s; CAP_CHOWN is needed): root alone may ask",
		        strerror(errno));
		s->shared = false;
	}
	if (chmod(path, 0660) || listen(s->fd, BACKLOG) || lstat(path, &st) || rename(path, s->path))
		return -errno;
	s->device = st.st_dev;
	s->inode = st.st_ino;
	return 0;
}

static void find_group(struct control_socket *s, const char *name, char *err, unsigned err_bytes)
{
	const struct group *group = getgrnam(name);

	s->shared = group != NULL;
	s->group = group ? group->gr_gid : 0;
	if (!group)
		snprintf(err, err_bytes,
		        "there is no group \"%s\": root alone may ask (groupadd --system %s)", name, name);
}

static void explain(int error, char *err, unsigned err_bytes)
{
	if (error == -EADDRINUSE)
		snprintf(err, err_bytes, "another process listens there");
	else if (error == -EEXIST)
		snprintf(err, err_bytes, "it is no socket: remove it, or set control.path to another name");
	else
		snprintf(err, err_bytes, "%s", strerror(-error));
}

int control_socket_open(
        struct control_socket *s, const char *path, const char *group, char *err, unsigned err_bytes)
{
	char fresh[CONTROL_PATH_MAX];
	int folder, r;

	*s = (struct control_socket) { .fd = -1 };
	snprintf(err, err_bytes, "%s", "");
	snprintf(s->path, sizeof(s->path), "%s", path);
	snprintf(fresh, sizeof(fresh), "%.*s.new", (int)sizeof(fresh) - 5, path);
	find_group(s, group, err, err_bytes);
	folder = lock_folder(path);
	r = folder < 0 ? folder : find_living(path);
	if (r == 0) {
		(void)unlink(fresh); /* we have the lock: nobody is at work there */
		r = make_at(s, fresh);
		if (r == 0)
			r = publish(s, fresh, err, err_bytes);
		if (r)
			(void)unlink(fresh);
	}
	if (folder >= 0)
		close(folder);
	if (r == 0)
		return 0;
	explain(r, err, err_bytes);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	return r;
}

void control_socket_close(struct control_socket *s)
{
	struct stat st;

	if (s->fd < 0)
		return;
	if (lstat(s->path, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode)
		(void)unlink(s->path);
	close(s->fd);
	s->fd = -1;
}

static bool is_member(int connection, gid_t group)
{
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(groups);

	if (getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, groups, &len))
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == group)
			return true;
	return false;
}

bool control_socket_may(const struct control_socket *s, int connection, uid_t *uid)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &who, &len))
		return false;
	*uid = who.uid;
	if (who.uid == 0 || who.uid == geteuid())
		return true;
	return s->shared && (who.gid == s->group || is_member(connection, s->group));
}
