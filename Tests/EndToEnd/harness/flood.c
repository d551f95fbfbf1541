// Requests on kept connections, pipelined, at more than one place and rate at once; counts what comes back.
//
//   flood SECONDS PORT:PATH:RATE:CONNECTIONS...
//
// RATE is requests a second over all connections of the stream, sent every 5 ms as they fall due; 0 sends a batch as
// soon as the one before is answered. Waits for all answers, and prints a line of JSON for each stream: requests sent,
// answers by status, when the first request was sent and the first answer came, and when the last ones did, in
// nanoseconds from the beginning. Exits with 1 when a connection ends, or when nothing comes for five seconds.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, OUTSTANDING_MAX = 4096, STREAMS_MAX = 32, ROOM = 256 * 1024, PACE_NS = 5000000 };

typedef struct {
    int port, connections;
    double rate;
    char path[256], request[512];
    size_t request_length;
    uint64_t sent, answered, statuses[600], first_sent, first_answer, last_sent, last_answer;
} stream;

typedef struct {
    int fd;
    stream *of;
    uint64_t sent, answered, due;  // of this connection alone
    char *output;
    size_t output_length;
    char tail[16];  // the beginning of a status line that hasn't come whole
    size_t tail_length;
} connection;

static stream streams[STREAMS_MAX];
static uint64_t begun;
static int epoll_fd;

static uint64_t elapsed(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec - begun;
}

static void fail(const char *what) {
    fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void flush_output(connection *one) {
    if (one->output_length == 0) return;
    ssize_t done = send(one->fd, one->output, one->output_length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (done < 0) {
        if (errno == EAGAIN) return;
        fail("send");
    }
    one->output_length -= (size_t)done;
    memmove(one->output, one->output + done, one->output_length);
}

static void ask(connection *one, uint64_t count, uint64_t now) {
    stream *of = one->of;
    if (count == 0) return;
    for (uint64_t i = 0; i < count; i++) {
        memcpy(one->output + one->output_length, of->request, of->request_length);
        one->output_length += of->request_length;
    }
    if (of->sent == 0) of->first_sent = now;
    of->last_sent = now;
    of->sent += count;
    one->sent += count;
    flush_output(one);
}

// Sends what is due; returns whether the stream goes on.
static void keep_up(connection *one, uint64_t now, int stopping) {
    if (stopping) return flush_output(one);
    uint64_t outstanding = one->sent - one->answered;
    if (one->of->rate == 0) return outstanding == 0 ? ask(one, BATCH, now) : flush_output(one);
    uint64_t due = (uint64_t)((double)now / 1e9 * one->of->rate / one->of->connections) + 1;
    uint64_t count = due > one->due ? due - one->due : 0;
    // What the gateway was too slow for isn't made up for.
    one->due = due;
    if (outstanding + count > OUTSTANDING_MAX) count = OUTSTANDING_MAX - outstanding;
    ask(one, count, now);
}

static void take(connection *one, const char *bytes, size_t length) {
    const char *end = bytes + length, *at = bytes;
    while ((at = memmem(at, (size_t)(end - at), "HTTP/1.1 ", 9))) {
        if (end - at < 12) break;
        int status = (at[9] - '0') * 100 + (at[10] - '0') * 10 + at[11] - '0';
        if (status < 100 || status > 599) fail("a status");
        one->of->statuses[status]++;
        one->of->answered++;
        one->answered++;
        at += 12;
    }
    // What may be the beginning of a status line is looked at again.
    size_t keep = at ? (size_t)(end - at) : length < 8 ? length : 8;
    while (!at && keep > 0 && memcmp(end - keep, "HTTP/1.1 ", keep) != 0) keep--;
    memcpy(one->tail, end - keep, keep);
    one->tail_length = keep;
}

static void readable(connection *one) {
    static char room[ROOM + 16];
    for (;;) {
        memcpy(room, one->tail, one->tail_length);
        ssize_t got = recv(one->fd, room + one->tail_length, ROOM, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) fail("a connection ended");
        uint64_t now = elapsed();
        if (one->of->answered == 0) one->of->first_answer = now;
        one->of->last_answer = now;
        take(one, room, one->tail_length + (size_t)got);
        if (got < ROOM) return;
    }
}

static void open_connection(connection *one, stream *of) {
    int on = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)of->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    one->of = of;
    one->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    one->output = malloc((size_t)OUTSTANDING_MAX * of->request_length);
    if (one->fd < 0 || connect(one->fd, (struct sockaddr *)&to, sizeof to) < 0) fail("connect");
    setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = one};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, one->fd, &event) < 0) fail("epoll_ctl");
}

static void print(const stream *of) {
    printf("{\"sent\": %lu, \"statuses\": {", of->sent);
    for (int i = 100, first = 1; i < 600; i++) {
        if (of->statuses[i]) printf("%s\"%d\": %lu", first ? "" : ", ", i, of->statuses[i]), first = 0;
    }
    printf("}, \"first_sent\": %lu, \"first_answer\": %lu, \"last_sent\": %lu, \"last_answer\": %lu}\n", of->first_sent,
           of->first_answer, of->last_sent, of->last_answer);
}

int main(int argc, char **argv) {
    int count = argc - 2, total = 0;
    if (count < 1 || count > STREAMS_MAX) {
        fprintf(stderr, "usage: flood SECONDS PORT:PATH:RATE:CONNECTIONS...\n");
        return 2;
    }
    uint64_t end = (uint64_t)(atof(argv[1]) * 1e9);
    for (int i = 0; i < count; i++) {
        stream *of = &streams[i];
        if (sscanf(argv[i + 2], "%d:%255[^:]:%lf:%d", &of->port, of->path, &of->rate, &of->connections) != 4) return 2;
        of->request_length = (size_t)snprintf(
            of->request, sizeof of->request, "GET %s HTTP/1.1\r\nHost: app.test\r\n\r\n", of->path);
        total += of->connections;
    }
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    connection *all = calloc((size_t)total, sizeof *all);
    for (int i = 0, next = 0; i < count; i++) {
        for (int j = 0; j < streams[i].connections; j++) open_connection(&all[next++], &streams[i]);
    }
    begun = elapsed() + begun;
    struct epoll_event events[64];
    uint64_t next_pace = 0, last_event = 0;
    for (;;) {
        uint64_t now = elapsed();
        int stopping = now >= end;
        if (stopping || now >= next_pace) {
            for (int i = 0; i < total; i++) keep_up(&all[i], now, stopping);
            next_pace = now + PACE_NS;
        }
        if (stopping) {
            int waiting = 0;
            for (int i = 0; i < total; i++) waiting += all[i].sent != all[i].answered;
            if (!waiting) break;
        }
        int found = epoll_wait(epoll_fd, events, 64, 5);
        if (found > 0) last_event = elapsed();
        if (elapsed() > last_event + 5000000000u && stopping) fail("nothing comes");
        for (int i = 0; i < found; i++) {
            connection *one = events[i].data.ptr;
            readable(one);
            now = elapsed();
            if (one->of->rate == 0) keep_up(one, now, now >= end);
        }
    }
    for (int i = 0; i < count; i++) print(&streams[i]);
    return 0;
}
