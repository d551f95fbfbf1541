// Counts a program's calls to the allocator, for LD_PRELOAD. The counters lie in a file that is mapped, so that they
// can be read from outside while the program runs.
//
//   MALLOC_COUNT_FILE=/path/counts LD_PRELOAD=.../malloc_count.so program ...
//
// The file is made anew at the start: seven 64-bit numbers (malloc, calloc, realloc, posix_memalign, aligned_alloc and
// memalign together, free, bytes asked for), then a switch that may be set from outside, then the table of sites. While
// the switch is not 0 each allocation's call stack is looked up in that table and counted there. This slows the
// program, so costs and sites are taken in different runs. Children do not count: the file is not theirs.

#define _GNU_SOURCE
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MALLOC, CALLOC, REALLOC, POSIX_MEMALIGN, ALIGNED_ALLOC, FREE, BYTES, NUMBERS };
enum { DEPTH_MAX = 24, SITES = 4096, OWN_FRAMES = 2 };

typedef struct {
    _Atomic uint64_t hash, count, bytes;
    uint64_t depth, frames[DEPTH_MAX];
} site;

typedef struct {
    _Atomic uint64_t numbers[NUMBERS];
    _Atomic uint64_t sampling;
    site sites[SITES];
} report;

// glibc's own names for what is replaced here. Asking the dynamic linker for them would allocate.
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

static report *mapped;
static __thread int inside;  // backtrace() may allocate

// A free place is claimed by its hash; a stack that finds the table full is only in the totals.
static __attribute__((noinline)) void record_site(size_t bytes) {
    void *frames[DEPTH_MAX + OWN_FRAMES];
    inside = 1;
    int depth = backtrace(frames, DEPTH_MAX + OWN_FRAMES) - OWN_FRAMES;
    inside = 0;
    uint64_t hash = 14695981039346656037u;
    for (int i = 0; i < depth; i++) hash = (hash ^ (uint64_t)(uintptr_t)frames[i + OWN_FRAMES]) * 1099511628211u;
    hash |= 1;
    for (uint64_t probe = 0; probe < SITES; probe++) {
        site *one = &mapped->sites[(hash + probe) % SITES];
        uint64_t found = 0;
        if (atomic_compare_exchange_strong(&one->hash, &found, hash)) {
            for (int i = 0; i < depth; i++) one->frames[i] = (uint64_t)(uintptr_t)frames[i + OWN_FRAMES];
            one->depth = (uint64_t)depth;
            found = hash;
        }
        if (found != hash) continue;
        atomic_fetch_add_explicit(&one->count, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&one->bytes, bytes, memory_order_relaxed);
        return;
    }
}

static inline __attribute__((always_inline)) void count(int what, size_t bytes) {
    if (!mapped || inside) return;
    atomic_fetch_add_explicit(&mapped->numbers[what], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&mapped->numbers[BYTES], bytes, memory_order_relaxed);
    if (atomic_load_explicit(&mapped->sampling, memory_order_relaxed)) record_site(bytes);
}

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("MALLOC_COUNT_FILE");
    if (!path) return;
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return;
    void *frames[1];
    backtrace(frames, 1);  // loads what it needs now, and not in the middle of an allocation
    if (ftruncate(fd, sizeof(report)) == 0) {
        void *place = mmap(NULL, sizeof(report), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (place != MAP_FAILED) mapped = place;
    }
    close(fd);
    unsetenv("MALLOC_COUNT_FILE");
    unsetenv("LD_PRELOAD");
}

void *malloc(size_t bytes) {
    count(MALLOC, bytes);
    return __libc_malloc(bytes);
}

void *calloc(size_t items, size_t bytes) {
    count(CALLOC, items * bytes);
    return __libc_calloc(items, bytes);
}

void *realloc(void *old, size_t bytes) {
    count(REALLOC, bytes);
    return __libc_realloc(old, bytes);
}

int posix_memalign(void **result, size_t alignment, size_t bytes) {
    if (alignment < sizeof(void *) || (alignment & (alignment - 1))) return EINVAL;
    count(POSIX_MEMALIGN, bytes);
    int saved = errno;
    void *place = __libc_memalign(alignment, bytes);
    errno = saved;
    if (!place) return ENOMEM;
    *result = place;
    return 0;
}

void *aligned_alloc(size_t alignment, size_t bytes) {
    count(ALIGNED_ALLOC, bytes);
    return __libc_memalign(alignment, bytes);
}

void *memalign(size_t alignment, size_t bytes) {
    count(ALIGNED_ALLOC, bytes);
    return __libc_memalign(alignment, bytes);
}

void free(void *place) {
    if (mapped && place && !inside) atomic_fetch_add_explicit(&mapped->numbers[FREE], 1, memory_order_relaxed);
    __libc_free(place);
}
