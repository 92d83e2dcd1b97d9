#pragma once
/*
 * What Linux offers and Swift's Glibc does not import: headers, macros as functions, and calls that want _GNU_SOURCE.
 * _GNU_SOURCE is defined in clinux.c only: in a header that Swift imports it changes other C modules' types.
 */
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

/* struct mmsghdr under a name of ours, since the system's hides behind _GNU_SOURCE. Same layout, asserted in clinux.c. */
typedef struct {
    struct msghdr msg_hdr;
    unsigned msg_len;
} linux_mmsghdr;

/* recvmmsg(2), sendmmsg(2): number of messages, or -1 with errno. Never block. */
int linux_recvmmsg(int fd, linux_mmsghdr *messages, unsigned count);
int linux_sendmmsg(int fd, linux_mmsghdr *messages, unsigned count);

/* The calling thread's name as `top -H` shows it; at most 15 bytes. */
int linux_thread_name(const char *name);
/* The calling thread's kernel id. */
int linux_gettid(void);
/* Pins the calling thread to one processor. */
int linux_pin_thread(int cpu);
