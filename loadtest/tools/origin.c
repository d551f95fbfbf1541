// A light HTTP/1.1 upstream: one thread, edge-triggered epoll, answers rendered once at the start.
//
//   origin PORT          (on 127.0.0.1)
//
//   /16k answers 16 KiB, /1m 1 MiB, any other path 200 bytes. Keep-alive unless the request says `Connection: close`.
//   A request body framed by Content-Length is read and thrown away.

#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listen.h"

enum { RECEIVE_BYTES = 64 * 1024, HEAD_BYTES_MAX = 32 * 1024, EVENTS_MAX = 256, BACKLOG = 16384, HEAD_ROOM = 256 };

typedef struct {
    char *bytes;
    size_t length;
} answer;

typedef struct connection {
    int fd;
    int closing;             // close when the answer is out
    int dead;
    char *head;              // the beginning of a head that did not arrive whole
    size_t head_length;
    size_t body_left;        // bytes of a request body still to be thrown away
    const answer *sending;   // an answer that is not wholly out; nothing more is read meanwhile
    size_t sent;
    struct connection *next_dead;
} connection;

static answer small, medium, large;
static char received[HEAD_BYTES_MAX + RECEIVE_BYTES];
static int epoll_fd;
static connection *dead_list;

static answer render(size_t body_bytes) {
    answer made = {malloc(HEAD_ROOM + body_bytes), 0};
    if (!made.bytes) abort();
    int head = snprintf(made.bytes, HEAD_ROOM,
                        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n", body_bytes);
    memset(made.bytes + head, 'x', body_bytes);
    made.length = (size_t)head + body_bytes;
    return made;
}

static void drop(connection *one) {
    if (one->dead) return;
    close(one->fd);
    one->dead = 1;
    one->next_dead = dead_list;
    dead_list = one;
}

static void free_dead(void) {
    while (dead_list) {
        connection *next = dead_list->next_dead;
        free(dead_list->head);
        free(dead_list);
        dead_list = next;
    }
}

// True when the answer is wholly out and the connection lives on.
static int send_rest(connection *one) {
    while (one->sent < one->sending->length) {
        ssize_t sent = send(one->fd, one->sending->bytes + one->sent, one->sending->length - one->sent, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN) drop(one);
            return 0;
        }
        one->sent += (size_t)sent;
    }
    one->sending = NULL;
    one->sent = 0;
    if (one->closing) drop(one);
    return !one->closing;
}

static int names(const char *line, size_t length, const char *name, size_t name_length) {
    return length > name_length && line[name_length] == ':' && strncasecmp(line, name, name_length) == 0;
}

// Reads one whole head: what to answer, the body's length, whether to close.
static void take_head(connection *one, const char *head, size_t length) {
    const char *end = head + length, *line_end = memchr(head, '\r', length);
    const char *path = memchr(head, ' ', (size_t)(line_end - head));
    one->sending = &small;
    if (path && strncmp(path, " /16k", 5) == 0) one->sending = &medium;
    else if (path && strncmp(path, " /1m", 4) == 0) one->sending = &large;
    one->body_left = 0;
    for (const char *line = line_end + 2; line < end - 2;) {
        line_end = memchr(line, '\r', (size_t)(end - line));
        size_t line_length = (size_t)(line_end - line);
        if ((*line | 0x20) == 'c') {
            if (names(line, line_length, "content-length", 14)) one->body_left = strtoull(line + 15, NULL, 10);
            if (names(line, line_length, "connection", 10) && memmem(line, line_length, "close", 5)) one->closing = 1;
        }
        line = line_end + 2;
    }
}

// Works through bytes that hold any number of heads and bodies; answers each. Returns the bytes that are left.
static size_t consume(connection *one, const char *bytes, size_t length) {
    while (length > 0 && !one->dead) {
        if (one->body_left > 0) {
            size_t skipped = one->body_left < length ? one->body_left : length;
            one->body_left -= skipped;
            bytes += skipped;
            length -= skipped;
            if (one->body_left > 0) return 0;
            if (!send_rest(one)) return length;
            continue;
        }
        const char *end = memmem(bytes, length, "\r\n\r\n", 4);
        if (!end) return length;
        size_t head_length = (size_t)(end + 4 - bytes);
        take_head(one, bytes, head_length);
        bytes += head_length;
        length -= head_length;
        if (one->body_left == 0 && !send_rest(one)) return length;
    }
    return length;
}

static void read_requests(connection *one, int until_end) {
    for (;;) {
        if (one->sending && one->body_left == 0) return;  // the answer before this one is still going out
        size_t kept = one->head_length;
        if (kept) memcpy(received, one->head, kept);
        one->head_length = 0;
        ssize_t got = recv(one->fd, received + kept, RECEIVE_BYTES, 0);
        if (got < 0 && errno != EAGAIN) return drop(one);
        if (got == 0) return drop(one);
        int empty = got < RECEIVE_BYTES;
        size_t length = kept + (got > 0 ? (size_t)got : 0);
        size_t left = consume(one, received, length);
        if (one->dead) return;
        if (left > HEAD_BYTES_MAX) return drop(one);
        if (left) {
            if (!one->head) one->head = malloc(HEAD_BYTES_MAX);
            if (!one->head) abort();
            memcpy(one->head, received + length - left, left);
            one->head_length = left;
        }
        if (got < 0 || (empty && !until_end)) return;
    }
}

// An answer that had to wait is out: pipelined heads may already be here, and bytes may wait in the socket.
static void resume(connection *one) {
    if (!send_rest(one)) return;
    if (one->head_length) {
        size_t length = one->head_length;
        one->head_length = 0;
        memcpy(received, one->head, length);
        size_t left = consume(one, received, length);
        if (one->dead) return;
        memmove(one->head, received + length - left, left);
        one->head_length = left;
    }
    read_requests(one, 1);
}

static void accept_all(int listener) {
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connection *one = calloc(1, sizeof *one);
        if (!one) abort();
        one->fd = fd;
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = one};
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) drop(one);
    }
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: origin PORT\n");
        return 2;
    }
    small = render(200);
    medium = render(16 * 1024);
    large = render(1024 * 1024);
    int listener = listen_on(argv[1], BACKLOG, &epoll_fd);

    struct epoll_event events[EVENTS_MAX];
    for (;;) {
        int count = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            connection *one = events[i].data.ptr;
            uint32_t what = events[i].events;
            if (!one) {
                accept_all(listener);
                continue;
            }
            if (!one->dead && one->sending && one->body_left == 0 && (what & EPOLLOUT)) resume(one);
            if (!one->dead && (what & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
                read_requests(one, (what & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
        }
        free_dead();
    }
}
