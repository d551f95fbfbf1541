// What a server of the load tests begins with: as many descriptors as there are, a listening socket, an epoll set.

#ifndef LISTEN_H
#define LISTEN_H

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

static struct sockaddr_in loopback(const char *port) {
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

// Listens, and has the listener in a new epoll set with a null pointer. Ends the program if it can't.
static int listen_on(const char *port, int backlog, int *epoll_fd) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);

    struct sockaddr_in here = loopback(port);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&here, sizeof here) < 0 || listen(listener, backlog) < 0) {
        perror("listen");
        exit(1);
    }
    *epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(*epoll_fd, EPOLL_CTL_ADD, listener, &event);
    return listener;
}

#endif
