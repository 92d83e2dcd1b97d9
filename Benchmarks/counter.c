/*
 * Counts a process's heap allocations and Swift's reference counting, for `sipload --counters FILE`. Loaded with LD_PRELOAD; the
 * counters live in the file that APUS_COUNTERS names, mapped, so that another process reads them at any time.
 *
 * Allocations are seen by taking malloc's place in front of glibc's own (__libc_malloc and so on). Reference counting is seen by
 * taking the place of the runtime's functions for the program and its modules; what libswiftCore does within itself is not.
 * Compiled code may rely on these functions leaving registers alone: preserve_most, which wants clang.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ALLOCATIONS, RETAINS, RELEASES, COUNTERS };

static _Atomic uint64_t before_start[COUNTERS];
static _Atomic uint64_t *counters = before_start;

static void count(int which) { atomic_fetch_add_explicit(&counters[which], 1, memory_order_relaxed); }

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);

void *malloc(size_t size) { count(ALLOCATIONS); return __libc_malloc(size); }
void *calloc(size_t number, size_t size) { count(ALLOCATIONS); return __libc_calloc(number, size); }
void *realloc(void *memory, size_t size) { count(ALLOCATIONS); return __libc_realloc(memory, size); }
void *memalign(size_t alignment, size_t size) { count(ALLOCATIONS); return __libc_memalign(alignment, size); }
void *aligned_alloc(size_t alignment, size_t size) { count(ALLOCATIONS); return __libc_memalign(alignment, size); }
int posix_memalign(void **result, size_t alignment, size_t size) {
    count(ALLOCATIONS);
    void *memory = __libc_memalign(alignment, size);
    if (!memory) return ENOMEM;
    *result = memory;
    return 0;
}

/* The runtime's own function behind one of ours. Found before any Swift code runs; twice by two threads does no harm. */
#define REAL(name, type)                                  \
    static type real;                                     \
    if (!real) real = (type)dlsym(RTLD_NEXT, #name)
#define PRESERVING __attribute__((preserve_most))

typedef void *(*retain_function)(void *), *(*retain_n_function)(void *, uint32_t);
typedef void (*release_function)(void *), (*release_n_function)(void *, uint32_t);

#define RETAIN(name) \
    PRESERVING void *name(void *object) { REAL(name, retain_function); count(RETAINS); return real(object); }
#define RETAIN_N(name) \
    PRESERVING void *name(void *object, uint32_t n) { REAL(name, retain_n_function); count(RETAINS); return real(object, n); }
#define RELEASE(name) \
    PRESERVING void name(void *object) { REAL(name, release_function); count(RELEASES); real(object); }
#define RELEASE_N(name) \
    PRESERVING void name(void *object, uint32_t n) { REAL(name, release_n_function); count(RELEASES); real(object, n); }

RETAIN(swift_retain)
RETAIN(swift_bridgeObjectRetain)
RETAIN(swift_unknownObjectRetain)
RETAIN_N(swift_retain_n)
RETAIN_N(swift_bridgeObjectRetain_n)
RELEASE(swift_release)
RELEASE(swift_bridgeObjectRelease)
RELEASE(swift_unknownObjectRelease)
RELEASE_N(swift_release_n)
RELEASE_N(swift_bridgeObjectRelease_n)

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("APUS_COUNTERS");
    int file = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (file < 0 || ftruncate(file, sizeof before_start) != 0) return;
    void *memory = mmap(NULL, sizeof before_start, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (memory != MAP_FAILED) counters = memory;
}
