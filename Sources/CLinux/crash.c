#define _GNU_SOURCE
#include "CLinux.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

/*
 * What runs after the fault may use nothing that the fault could have broken: no malloc, no stdio. `backtrace` is called once
 * at the start, since its first call loads libgcc_s.
 */

static const int fatal_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGABRT};
enum { SIGNALS = sizeof fatal_signals / sizeof *fatal_signals, FRAMES = 64, STACK = 64 * 1024 };

static struct sigaction previous[SIGNALS];
static int report_fd = 2;

struct line {
    char text[512];
    size_t length;
};

static void put(struct line *l, const void *text, size_t length) {
    if (length > sizeof l->text - l->length) length = sizeof l->text - l->length;
    memcpy(l->text + l->length, text, length);
    l->length += length;
}

static void put_string(struct line *l, const char *text) { put(l, text, strlen(text)); }

static void put_number(struct line *l, uint64_t value, unsigned base) {
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value && at);
    put(l, digits + at, sizeof digits - at);
}

static void put_address(struct line *l, void *address) {
    Dl_info info;
    if (dladdr(address, &info) && info.dli_fname) {
        const char *slash = strrchr(info.dli_fname, '/');
        put_string(l, slash ? slash + 1 : info.dli_fname);
        put_string(l, "+0x");
        put_number(l, (uint64_t)((char *)address - (char *)info.dli_fbase), 16);
        if (info.dli_sname) {
            put_string(l, " ");
            put_string(l, info.dli_sname);
        }
    } else {
        put_string(l, "0x");
        put_number(l, (uint64_t)(uintptr_t)address, 16);
    }
}

static void finish(struct line *l) {
    put_string(l, "\n");
    ssize_t ignored = write(report_fd, l->text, l->length);
    (void)ignored;
    l->length = 0;
}

static const char *name_of(int signal) {
    switch (signal) {
    case SIGSEGV: return "SIGSEGV";
    case SIGBUS: return "SIGBUS";
    case SIGILL: return "SIGILL";
    case SIGTRAP: return "SIGTRAP";
    case SIGFPE: return "SIGFPE";
    default: return "SIGABRT";
    }
}

static void *fault_address(ucontext_t *context) {
#if defined(__x86_64__)
    return (void *)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (void *)context->uc_mcontext.pc;
#else
    return NULL;
#endif
}

static void report(int signal, void *at) {
    struct line l = {.length = 0};
    linux_thread *thread = linux_this_thread();
    put_string(&l, " ");
    put_number(&l, (uint64_t)thread->number, 10);
    put_string(&l, "(");
    put_number(&l, (uint64_t)getpid(), 10);
    put_string(&l, ") ALERT: crash: ");
    put_string(&l, name_of(signal));
    put_string(&l, " at ");
    put_address(&l, at);
    finish(&l);
    if (thread->function) {
        put_string(&l, "    in ");
        put(&l, thread->function, thread->function_length);
        if (thread->module) {
            put_string(&l, " of module ");
            put(&l, thread->module, thread->module_length);
        }
        if (thread->file) {
            put_string(&l, ", called at ");
            put(&l, thread->file, thread->file_length);
            put_string(&l, ":");
            put_number(&l, thread->line, 10);
        }
        finish(&l);
    }
    void *frames[FRAMES];
    int count = backtrace(frames, FRAMES);
    for (int i = 0; i < count; i++) {
        put_string(&l, "    ");
        put_address(&l, frames[i]);
        finish(&l);
    }
}

static void on_fatal(int signal, siginfo_t *info, void *context) {
    report(signal, fault_address(context));
    /* The one that was there before (Swift's backtracer, or the default: a core file) goes on; the instruction faults again. */
    for (int i = 0; i < SIGNALS; i++) sigaction(fatal_signals[i], &previous[i], NULL);
    if (info->si_code <= 0 || signal == SIGABRT || signal == SIGTRAP) raise(signal);
}

void linux_install_crash_handler(int fd) {
    void *frame[1];
    backtrace(frame, 1);
    report_fd = fd;
    linux_crash_stack();
    struct sigaction action = {.sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigfillset(&action.sa_mask);
    for (int i = 0; i < SIGNALS; i++) sigaction(fatal_signals[i], &action, &previous[i]);
}

void linux_crash_stack(void) {
    stack_t now;
    if (sigaltstack(NULL, &now) == 0 && !(now.ss_flags & SS_DISABLE)) return;
    void *memory = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;
    stack_t stack = {.ss_sp = memory, .ss_size = STACK};
    sigaltstack(&stack, NULL);
}
