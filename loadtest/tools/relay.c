// The least possible relay: recv, send, recv, send. One thread, edge-triggered epoll, no HTTP. Each client connection
// is paired with one upstream connection for its whole life; whatever arrives on one side is sent to the other.
// It is the floor under every proxy on this machine: its cost is the kernel's.
//
//   relay LISTEN_PORT UPSTREAM_PORT          (both on 127.0.0.1)

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listen.h"

enum { BUFFER_BYTES = 64 * 1024, EVENTS_MAX = 256, BACKLOG = 4096 };

// One direction of a pair ends at `peer`; `rest` holds what that side did not take yet.
typedef struct side {
    int fd;
    struct side *peer;
    char *rest;          // unsent bytes that were read from the peer and belong to this side
    size_t rest_start, rest_end;
    int readable;        // an edge was seen, but reading waits for the other side to drain
    int dead;
    struct side *next_dead;
} side;

static char buffer[BUFFER_BYTES];
static int epoll_fd;
static side *dead_list;  // freed after the batch of events, as a later event may still point at them

static void close_pair(side *one) {
    if (one->dead) return;
    side *two = one->peer;
    close(one->fd);
    close(two->fd);
    one->dead = two->dead = 1;
    one->next_dead = two;
    two->next_dead = dead_list;
    dead_list = one;
}

static void free_dead(void) {
    while (dead_list) {
        side *next = dead_list->next_dead;
        free(dead_list->rest);
        free(dead_list);
        dead_list = next;
    }
}

// Moves bytes from `from` to its peer until the socket is empty or the peer is full.
static void pump(side *from, int until_end) {
    side *to = from->peer;
    for (;;) {
        if (to->rest_end > to->rest_start) {
            from->readable = 1;
            return;
        }
        ssize_t got = recv(from->fd, buffer, BUFFER_BYTES, 0);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            close_pair(from);
            return;
        }
        ssize_t sent = send(to->fd, buffer, (size_t)got, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) {
            close_pair(from);
            return;
        }
        if (sent < 0) sent = 0;
        if (sent < got) {
            if (!to->rest) to->rest = malloc(BUFFER_BYTES);
            if (!to->rest) {
                close_pair(from);
                return;
            }
            memcpy(to->rest, buffer + sent, (size_t)(got - sent));
            to->rest_start = 0;
            to->rest_end = (size_t)(got - sent);
        } else if (got < BUFFER_BYTES && !until_end) {
            return;  // a short read empties the socket; new bytes raise a new edge
        }
    }
}

// Sends what was left over, then lets the peer be read again.
static void flush(side *to) {
    if (to->rest_end == to->rest_start) return;
    ssize_t sent = send(to->fd, to->rest + to->rest_start, to->rest_end - to->rest_start, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno != EAGAIN) close_pair(to);
        return;
    }
    to->rest_start += (size_t)sent;
    if (to->rest_start < to->rest_end) return;
    to->rest_start = to->rest_end = 0;
    if (to->peer->readable) {
        to->peer->readable = 0;
        pump(to->peer, 1);
    }
}

static int add(side *one) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = one};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, one->fd, &event);
}

static void accept_all(int listener, const struct sockaddr_in *upstream) {
    for (;;) {
        int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client < 0) return;
        int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        // Blocking on purpose: on the loopback interface a connect is done when the call returns.
        if (server < 0 || connect(server, (const struct sockaddr *)upstream, sizeof *upstream) < 0) {
            if (server >= 0) close(server);
            close(client);
            continue;
        }
        int on = 1;
        fcntl(server, F_SETFL, O_NONBLOCK);
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        side *one = calloc(1, sizeof *one), *two = calloc(1, sizeof *two);
        if (!one || !two) abort();
        *one = (side){.fd = client, .peer = two};
        *two = (side){.fd = server, .peer = one};
        if (add(one) < 0 || add(two) < 0) close_pair(one);
    }
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: relay LISTEN_PORT UPSTREAM_PORT\n");
        return 2;
    }
    struct sockaddr_in upstream = loopback(argv[2]);
    int listener = listen_on(argv[1], BACKLOG, &epoll_fd);

    struct epoll_event events[EVENTS_MAX];
    for (;;) {
        int count = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            side *one = events[i].data.ptr;
            uint32_t what = events[i].events;
            if (!one) {
                accept_all(listener, &upstream);
                continue;
            }
            if (!one->dead && (what & EPOLLOUT)) flush(one);
            if (!one->dead && (what & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
                pump(one, (what & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
        }
        free_dead();
    }
}
