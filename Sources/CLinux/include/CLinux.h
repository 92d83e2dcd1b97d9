#pragma once
/*
 * What Linux offers and Swift's Glibc does not import: headers, macros as functions, calls that want _GNU_SOURCE, and
 * storage per thread. _GNU_SOURCE is defined in clinux.c only: in a header that Swift imports it changes other C modules'
 * types.
 */
#include <getopt.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>

/* struct mmsghdr under a name of ours, since the system's hides behind _GNU_SOURCE. Same layout, asserted in clinux.c. */
typedef struct {
    struct msghdr msg_hdr;
    unsigned msg_len;
} linux_mmsghdr;

/*
 * socket(2) with SOCK_NONBLOCK and SOCK_CLOEXEC. Swift is not to name SOCK_… beside this header: whether it finds the enum in
 * Glibc or here depends on the order in which the modules were built, and a fresh build fails now and then.
 */
int linux_socket_dgram(int family);
int linux_socket_stream(int family);
/* accept4(2) with SOCK_NONBLOCK and SOCK_CLOEXEC. */
int linux_accept(int fd, struct sockaddr *address, socklen_t *length);
/* SOCK_DGRAM, for hints to resolvers. */
int linux_sock_dgram(void);

/* recvmmsg(2), sendmmsg(2): number of messages, or -1 with errno. Never block. */
int linux_recvmmsg(int fd, linux_mmsghdr *messages, unsigned count);
int linux_sendmmsg(int fd, linux_mmsghdr *messages, unsigned count);

/* The calling thread's name as `top -H` shows it; at most 15 bytes. */
int linux_thread_name(const char *name);

/*
 * Starts `/bin/sh -c command`: standard input is /dev/null, output and errors are the caller's, all other descriptors are closed, signals are as they
 * are by default. 0, and the child is to be waited for; or an errno.
 */
int linux_spawn_shell(const char *command, pid_t *child);
/* Pins the calling thread to one processor. */
int linux_pin_thread(int cpu);

/* ---- control messages of UDP ---- */

/* Bytes of control buffer that one received message needs for its destination address. */
#define LINUX_PKTINFO_SPACE 64
/*
 * Looks for IP_PKTINFO or IPV6_PKTINFO. Answers AF_INET and writes 4 bytes, or AF_INET6 and writes 16 bytes to address,
 * or 0 when there is none.
 */
int linux_destination(const struct msghdr *message, void *address);
/* Puts IP_PKTINFO (family AF_INET) or IPV6_PKTINFO with this source address into control; answers its length. */
size_t linux_set_source(void *control, int family, const void *address);
/* Sets `option` (IP_PKTINFO, IPV6_RECVPKTINFO by family) so that linux_destination finds something. */
int linux_want_destination(int fd, int family);
/* Joins a multicast group, given as sockaddr, on the interface with this index (0: the system's choice). */
int linux_join_group(int fd, const struct sockaddr *group, unsigned interface_index);

/* ---- per thread ---- */

/*
 * What logging and the crash report want to know about the calling thread. The texts are borrowed: whoever sets one keeps
 * it alive until it is replaced. Only the thread itself writes; the crash handler reads on the same thread.
 */
typedef struct {
    void *worker;               /* the worker that this thread is, else null */
    void *management;           /* the management thread when it is this one, else null */
    int32_t number;             /* the worker's index, 0 elsewhere */
    uint32_t line;              /* config line of the function that runs */
    const uint8_t *module;      /* module and function that run, and the config file: null between functions */
    const uint8_t *function;
    const uint8_t *file;
    uint32_t module_length, function_length, file_length;
    uint32_t prefix_length;     /* log_prefix of the message that is being routed */
    const uint8_t *prefix;
    void *log_buffer;           /* where Log composes a line */
    void *match_data;           /* PCRE2's memory for this thread's matches */
    void *match_limits;         /* how far they may go; set with match_data */
} linux_thread;

/* The calling thread's own. */
linux_thread *linux_this_thread(void);

/* ---- numbers that every thread reads and few change ---- */

/* The log level in force: the server's, or that of the calling thread when it has one of its own. */
extern int32_t linux_log_threshold_value;
extern int32_t linux_log_threads_differ; /* 1 from the first thread's own level on */
int32_t linux_thread_log_threshold(void);
static inline int32_t linux_log_threshold(void) {
    if (__builtin_expect(__atomic_load_n(&linux_log_threads_differ, __ATOMIC_RELAXED), 0)) return linux_thread_log_threshold();
    return __atomic_load_n(&linux_log_threshold_value, __ATOMIC_RELAXED);
}
/* No level of its own. */
static inline int32_t linux_log_level_of_all(void) { return INT32_MIN; }
void linux_set_thread_log_threshold(int32_t level);
static inline void linux_set_log_threshold(int32_t level) {
    __atomic_store_n(&linux_log_threshold_value, level, __ATOMIC_RELAXED);
}

/* ---- crashes ---- */

/*
 * Installs the handler for SEGV BUS ILL TRAP FPE ABRT: it writes to `fd` what this thread was doing (module, function, config
 * line), the shared object at fault and a backtrace, then lets the previous handler, if there was one, have its turn.
 */
void linux_install_crash_handler(int fd);
/* Gives the calling thread a stack of its own for that handler. Once per thread. */
void linux_crash_stack(void);

/* ---- the process ---- */

/* The C library's heap, over all arenas; bytes. */
typedef struct {
    size_t total;     /* taken from the system */
    size_t used;      /* handed out */
    size_t free;      /* taken and not handed out */
    size_t fragments; /* free pieces */
} linux_heap_figures;

linux_heap_figures linux_heap(void);

/* What built this: name and version of the C compiler. */
const char *linux_compiler(void);

/* fork(2), which Swift does not offer. Only before the first thread is started. */
int linux_fork(void);
