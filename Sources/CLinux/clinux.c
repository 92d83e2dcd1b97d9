#define _GNU_SOURCE
#include <fcntl.h>
#include <malloc.h>
#include "CLinux.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(sizeof(linux_mmsghdr) == sizeof(struct mmsghdr), "linux_mmsghdr has struct mmsghdr's layout");

int linux_socket_dgram(int family) { return socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

int linux_socket_stream(int family) { return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

int linux_accept(int fd, struct sockaddr *address, socklen_t *length) {
    return accept4(fd, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int linux_sock_dgram(void) { return SOCK_DGRAM; }

int linux_recvmmsg(int fd, linux_mmsghdr *messages, unsigned count) {
    return recvmmsg(fd, (struct mmsghdr *)messages, count, MSG_DONTWAIT, NULL);
}

int linux_sendmmsg(int fd, linux_mmsghdr *messages, unsigned count) {
    return sendmmsg(fd, (struct mmsghdr *)messages, count, MSG_DONTWAIT);
}

int linux_spawn_shell(const char *command, pid_t *child) {
    char *const arguments[] = {"sh", "-c", (char *)command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int code = posix_spawn_file_actions_init(&actions);
    if (code) return code;
    code = posix_spawnattr_init(&attributes);
    if (code) {
        posix_spawn_file_actions_destroy(&actions);
        return code;
    }
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    code = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!code) code = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    if (!code) code = posix_spawn(child, "/bin/sh", &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

int linux_thread_name(const char *name) { return pthread_setname_np(pthread_self(), name); }

int linux_pin_thread(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

_Static_assert(CMSG_SPACE(sizeof(struct in6_pktinfo)) <= LINUX_PKTINFO_SPACE, "a control buffer holds the longer pktinfo");

int linux_destination(const struct msghdr *message, void *address) {
    struct msghdr *m = (struct msghdr *)message;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            memcpy(address, CMSG_DATA(c) + offsetof(struct in_pktinfo, ipi_addr), sizeof(struct in_addr));
            return AF_INET;
        }
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            memcpy(address, CMSG_DATA(c) + offsetof(struct in6_pktinfo, ipi6_addr), sizeof(struct in6_addr));
            return AF_INET6;
        }
    }
    return 0;
}

size_t linux_set_source(void *control, int family, const void *address) {
    struct cmsghdr *c = control;
    if (family == AF_INET) {
        struct in_pktinfo info = {0};
        memcpy(&info.ipi_spec_dst, address, sizeof info.ipi_spec_dst);
        *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof info), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO};
        memcpy(CMSG_DATA(c), &info, sizeof info);
        return CMSG_SPACE(sizeof info);
    }
    struct in6_pktinfo info = {0};
    memcpy(&info.ipi6_addr, address, sizeof info.ipi6_addr);
    *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof info), .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO};
    memcpy(CMSG_DATA(c), &info, sizeof info);
    return CMSG_SPACE(sizeof info);
}

int linux_want_destination(int fd, int family) {
    int on = 1;
    if (family == AF_INET) return setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    return setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
}

int linux_join_group(int fd, const struct sockaddr *group, unsigned interface_index) {
    if (group->sa_family == AF_INET) {
        struct ip_mreqn request = {.imr_multiaddr = ((const struct sockaddr_in *)group)->sin_addr,
                                   .imr_ifindex = (int)interface_index};
        return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request);
    }
    struct ipv6_mreq request = {.ipv6mr_multiaddr = ((const struct sockaddr_in6 *)group)->sin6_addr,
                                .ipv6mr_interface = interface_index};
    return setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof request);
}

linux_thread *linux_this_thread(void) {
    static _Thread_local linux_thread thread;
    return &thread;
}

int32_t linux_log_threshold_value = 0;
int32_t linux_log_threads_differ = 0;
static _Thread_local int32_t own_log_threshold = INT32_MIN;

int32_t linux_thread_log_threshold(void) {
    if (own_log_threshold != INT32_MIN) return own_log_threshold;
    return __atomic_load_n(&linux_log_threshold_value, __ATOMIC_RELAXED);
}

void linux_set_thread_log_threshold(int32_t level) {
    own_log_threshold = level;
    __atomic_store_n(&linux_log_threads_differ, 1, __ATOMIC_RELAXED);
}

int linux_fork(void) { return fork(); }

linux_heap_figures linux_heap(void) {
    struct mallinfo2 facts = mallinfo2();
    return (linux_heap_figures){.total = facts.arena + facts.hblkhd,
                                .used = facts.uordblks + facts.hblkhd,
                                .free = facts.fordblks,
                                .fragments = facts.ordblks};
}

const char *linux_compiler(void) { return __VERSION__; }
