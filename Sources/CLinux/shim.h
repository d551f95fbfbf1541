// What Swift's importer can't see of the system's headers: macros, variadic calls and calls that glibc hides behind
// _GNU_SOURCE (defining that here would contradict the toolchain's own Glibc module). One `static inline` each, no
// logic.
#ifndef PORTCULLIS_CLINUX_SHIM_H
#define PORTCULLIS_CLINUX_SHIM_H

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

extern int accept4(int, struct sockaddr *, socklen_t *, int);
extern int pthread_setname_np(pthread_t, const char *);
extern int getentropy(void *, size_t);
extern long syscall(long, ...);

static inline int portcullis_errno(void) { return errno; }

static inline int portcullis_open(const char *path, int flags, mode_t mode) { return open(path, flags, mode); }

static inline _Bool portcullis_is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

static inline int portcullis_accept4(int fd, struct sockaddr *address, socklen_t *length) {
    return accept4(fd, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static inline int portcullis_stream_socket(int family) {
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static inline void portcullis_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

static inline int portcullis_getentropy(void *bytes, size_t count) { return getentropy(bytes, count); }

static inline long portcullis_affinity(void *mask, size_t size) { return syscall(SYS_sched_getaffinity, 0, size, mask); }

static inline int portcullis_open_file_limit(struct rlimit *limit) { return getrlimit(RLIMIT_NOFILE, limit); }

static inline int portcullis_set_open_file_limit(const struct rlimit *limit) { return setrlimit(RLIMIT_NOFILE, limit); }

#endif
