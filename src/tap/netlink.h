/* netlink.h - what nfqueue and nflog share: an nfnetlink socket, requests with an answer, and words
 * for what can go wrong when a number is claimed. */
#ifndef TAP_NETLINK_H
#define TAP_NETLINK_H

#include <stdint.h>

#include <libmnl/libmnl.h>

/* A numbered thing of the kernel that one process listens on. */
struct netlink_service {
	const char *noun;   /* "queue" */
	const char *list;   /* /proc file: number and port id are its first two columns */
	const char *module; /* kernel module that provides it */
	const char *remedy; /* what to do when somebody else has the number */
};

/* Both buffers are forced beyond net.core.rmem_max and wmem_max where the right to do so is there.
 * The socket does not wait in reads. NULL with errno. */
struct mnl_socket *netlink_open(int receive_bytes, int send_bytes);
/* Sends one message and waits for the kernel's answer to it. Only for a socket on which nothing else
 * arrives yet. 0 or -errno. */
int netlink_ask(struct mnl_socket *socket, struct nlmsghdr *message);
/* Points table[0..max] at the attributes of an nfnetlink message by their types, NULL where there is
 * none. (The libraries' own functions know only the attributes of their day, and an own maximum.) */
void netlink_read_attributes(const struct nlmsghdr *message, const struct nlattr **table, uint16_t max);
/* A number in network order, 0 if it is not there or too short. */
uint32_t netlink_read_u32(const struct nlattr *attribute);

/* PACKET_FROM_SELF, PACKET_TO_SELF or 0, by the netfilter hook (NF_INET_ number) of a packet. */
uint8_t netlink_place(uint8_t hook);

/* Turns the -errno of an open or a claim into the errno that names the cause (somebody else's number
 * is EPERM to the kernel, EBUSY here), and writes one line with what to do. */
int netlink_explain(
        const struct netlink_service *service, uint16_t number, int error, char *err, unsigned err_bytes);

#endif
