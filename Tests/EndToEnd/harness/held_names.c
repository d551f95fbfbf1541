// Holds the answers about chosen names back, for LD_PRELOAD: `*.held.test` is 127.0.0.1, but nobody is told before the
// file $NAMES_RELEASED exists.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static int is_held(const char *name) {
    const char *end = ".held.test";
    return name && strlen(name) > strlen(end) && strcmp(name + strlen(name) - strlen(end), end) == 0;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    static lookup *_Atomic real;
    if (!real) real = (lookup *)dlsym(RTLD_NEXT, "getaddrinfo");
    if (!is_held(name)) return real(name, service, hints, found);
    const char *released = getenv("NAMES_RELEASED");
    while (released && access(released, F_OK) != 0) usleep(10000);
    return real("127.0.0.1", service, hints, found);
}
