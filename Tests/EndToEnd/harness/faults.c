// Makes chosen system calls of a program fail, for LD_PRELOAD: the program under test is the one that is shipped.
//
//   FAULTS_FILE=/path/faults LD_PRELOAD=.../faults.so program ...
//
// The file is mapped: one `plan` for each call, in the order of `enum call`. Whoever else maps it sets `skip` and
// `number`, then `left`, while the program runs: after `skip` calls, the next `left` ones fail with `number` and are
// counted in `hits`. Without the file, nothing fails.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum call { ACCEPT4, CONNECT, SOCKET, RECV, SEND, SENDMSG, EPOLL_CTL, EPOLL_WAIT, READ, WRITE, CALLS };

typedef struct {
    _Atomic int32_t skip, left, number, hits;
} plan;

static plan *plans;

__attribute__((constructor)) static void map(void) {
    const char *path = getenv("FAULTS_FILE");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *memory = mmap(NULL, CALLS * sizeof(plan), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (memory != MAP_FAILED) plans = memory;
}

// Whether this call is to fail; then `errno` is set.
static int fails(enum call call) {
    if (!plans || atomic_load(&plans[call].left) <= 0) return 0;
    if (atomic_fetch_sub(&plans[call].skip, 1) > 0) return 0;
    if (atomic_fetch_sub(&plans[call].left, 1) <= 0) return 0;
    atomic_fetch_add(&plans[call].hits, 1);
    errno = atomic_load(&plans[call].number);
    return 1;
}

#define FORWARD(result, name, call, parameters, arguments)                                                             \
    result name parameters {                                                                                           \
        static result(*_Atomic real) parameters;                                                                       \
        if (!real) real = (result(*) parameters)dlsym(RTLD_NEXT, #name);                                               \
        if (fails(call)) return -1;                                                                                    \
        return real arguments;                                                                                         \
    }

FORWARD(int, accept4, ACCEPT4, (int fd, struct sockaddr *peer, socklen_t *length, int flags), (fd, peer, length, flags))
FORWARD(int, socket, SOCKET, (int family, int kind, int protocol), (family, kind, protocol))
FORWARD(ssize_t, recv, RECV, (int fd, void *bytes, size_t count, int flags), (fd, bytes, count, flags))
FORWARD(ssize_t, send, SEND, (int fd, const void *bytes, size_t count, int flags), (fd, bytes, count, flags))
FORWARD(ssize_t, sendmsg, SENDMSG, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
FORWARD(int, epoll_ctl, EPOLL_CTL, (int set, int what, int fd, struct epoll_event *event), (set, what, fd, event))
FORWARD(int, epoll_wait, EPOLL_WAIT, (int set, struct epoll_event *events, int count, int limit),
        (set, events, count, limit))
FORWARD(ssize_t, read, READ, (int fd, void *bytes, size_t count), (fd, bytes, count))
FORWARD(ssize_t, write, WRITE, (int fd, const void *bytes, size_t count), (fd, bytes, count))

// An interrupted connect goes on by itself (connect(2)); every other failure is one.
int connect(int fd, const struct sockaddr *address, socklen_t length) {
    static int (*_Atomic real)(int, const struct sockaddr *, socklen_t);
    if (!real) real = (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "connect");
    if (!fails(CONNECT)) return real(fd, address, length);
    int number = errno;
    if (number == EINTR) real(fd, address, length);
    errno = number;
    return -1;
}
