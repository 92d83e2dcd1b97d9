#define _GNU_SOURCE
#include "CLinux.h"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(sizeof(linux_mmsghdr) == sizeof(struct mmsghdr), "linux_mmsghdr has struct mmsghdr's layout");

int linux_recvmmsg(int fd, linux_mmsghdr *messages, unsigned count) {
    return recvmmsg(fd, (struct mmsghdr *)messages, count, MSG_DONTWAIT, NULL);
}

int linux_sendmmsg(int fd, linux_mmsghdr *messages, unsigned count) {
    return sendmmsg(fd, (struct mmsghdr *)messages, count, MSG_DONTWAIT);
}

int linux_thread_name(const char *name) { return pthread_setname_np(pthread_self(), name); }

int linux_gettid(void) { return (int)syscall(SYS_gettid); }

int linux_pin_thread(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}
