// A load generator that is exact about failures: one thread, edge-triggered epoll, GET requests over HTTP/1.1.
//
//   load --port N [--connections N] [--seconds S | --requests N] [--path TEMPLATE] [--paths N] [--expect-bytes N]
//        [--tokens FILE] [--skip N] [--close] [--rate N] [--timeout-ms N] [--sources N] [--hold]
//
// A `%d` in the path becomes 0 .. paths-1, in a scattered order. Each request bears another line of the file of tokens,
// all of them in a scattered order before the first comes again; `--skip` leaves out the first N of that order. `--close` takes a new connection for every request.
// `--rate` starts requests at a constant rate whatever the answers do, and measures each from the moment at which it
// was due; without it every connection sends its next request as soon as it has the last answer. `--hold` sends one
// request on each connection, prints a line when all are answered, and keeps them open until its input ends; a line of
// input begins the load proper on them, counted from zero.
// SIGTERM ends a run early. Prints one line of JSON. Requests in flight at the end are waited for, so every request
// sent is counted.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "histogram.h"

enum { RECEIVE_BYTES = 256 * 1024, EVENTS_MAX = 256, HEAD_BYTES_MAX = 16 * 1024, OPENING_MAX = 64, STRIDE = 7919 };

typedef enum { CLOSED, CONNECTING, IDLE, HEAD, BODY, DRAINING } phase;

typedef enum {
    REFUSED, CONNECT_FAILED, RESET, CLOSED_UNANSWERED, TRUNCATED, STATUS, MALFORMED, WRONG_LENGTH, TIMEOUT, FAILURES
} failure;

static const char *const failure_names[FAILURES] = {
    "connect_refused", "connect_failed", "reset", "closed_before_answer", "truncated_answer",
    "status_not_2xx", "malformed_answer", "wrong_length", "timeout",
};

typedef struct {
    int fd;
    uint32_t generation;     // of the socket: an event that was raised by the one before is stale
    phase phase;
    int server_closes;       // the answer said `Connection: close`
    int answered;            // --hold: this connection has had its one request
    uint64_t started;        // when the request was due, in nanoseconds
    uint64_t body_left;
    char *head;              // the beginning of a head that did not arrive whole
    size_t head_length;
} connection;
static struct {
    int port, connections, paths, close, timeout_ms, sources, hold;
    double seconds, rate;
    uint64_t requests, skip;
    long long expect_bytes;
    const char *path, *tokens;
} options = {.connections = 64, .paths = 1, .timeout_ms = 5000, .sources = 1, .expect_bytes = -1, .path = "/"};

static connection *connections;
static int *idle, idle_first, idle_count;  // a ring of connections with nothing to do; the longest idle is next
static char **requests;             // the rendered requests: one for each path, or for each token
static size_t *request_lengths;
static int request_count;
static char received[HEAD_BYTES_MAX + RECEIVE_BYTES];
static int epoll_fd, in_flight, open_count, next_request;
static uint64_t begun, started_count, ok_count, reconnects, body_bytes, failures[FAILURES];
static int statuses[1000];
static volatile sig_atomic_t stopping;
static histogram latencies;

static void stop(int signal) {
    (void)signal;
    stopping = 1;
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

// The lines of the file of tokens; none without one.
static char **read_tokens(int *count) {
    char **tokens = NULL, *line = NULL;
    size_t room = 0;
    *count = 0;
    if (!options.tokens) return NULL;
    FILE *file = fopen(options.tokens, "r");
    if (!file) return NULL;
    for (ssize_t length; (length = getline(&line, &room, file)) > 0;) {
        if (line[length - 1] == '\n') line[length - 1] = 0;
        if ((*count & (*count - 1)) == 0) tokens = realloc(tokens, 2 * (size_t)(*count + 1) * sizeof *tokens);
        tokens[(*count)++] = strdup(line);
    }
    free(line);
    fclose(file);
    return tokens;
}

static int common_divisor(int a, int b) {
    return b == 0 ? a : common_divisor(b, a % b);
}

static void render_requests(void) {
    int token_count;
    char **tokens = read_tokens(&token_count);
    if (options.tokens && token_count == 0) {
        fprintf(stderr, "load: no tokens in %s\n", options.tokens);
        exit(2);
    }
    request_count = token_count > options.paths ? token_count : options.paths;
    if (common_divisor(request_count, STRIDE) != 1) request_count--;  // else the stride would leave some out
    requests = calloc((size_t)request_count, sizeof *requests);
    request_lengths = calloc((size_t)request_count, sizeof *request_lengths);
    const char *mark = strstr(options.path, "%d");
    for (int i = 0; i < request_count; i++) {
        char path[1024];
        int number = i % options.paths;
        if (mark) snprintf(path, sizeof path, "%.*s%d%s", (int)(mark - options.path), options.path, number, mark + 2);
        else snprintf(path, sizeof path, "%s", options.path);
        request_lengths[i] = (size_t)asprintf(&requests[i],
            "GET %s HTTP/1.1\r\nHost: bench.test\r\nUser-Agent: load/1\r\nAccept: */*\r\n%s%s%s%s\r\n", path,
            tokens ? "Authorization: Bearer " : "", tokens ? tokens[i % token_count] : "", tokens ? "\r\n" : "",
            options.close ? "Connection: close\r\n" : "");
    }
    next_request = (int)((unsigned __int128)options.skip * STRIDE % (unsigned)request_count);
    for (int i = 0; i < token_count; i++) free(tokens[i]);
    free(tokens);
}

static void set_idle(connection *one) {
    one->phase = one->fd < 0 ? CLOSED : IDLE;
    idle[(idle_first + idle_count++) % options.connections] = (int)(one - connections);
}

static void close_socket(connection *one) {
    if (one->fd < 0) return;
    close(one->fd);
    one->fd = -1;
    one->head_length = 0;
    open_count--;
}

// The request in flight on `one` is over; `how` is FAILURES when it went well.
static void finish(connection *one, failure how) {
    in_flight--;
    if (how == FAILURES) {
        ok_count++;
        record(&latencies, now() - one->started);
    } else {
        failures[how]++;
        close_socket(one);
    }
    one->answered = 1;
    if (one->fd >= 0 && options.close && !options.hold) {
        one->phase = DRAINING;  // the server ends the connection; closing first would leave TIME_WAIT on our ports
        return;
    }
    if (one->server_closes && one->fd >= 0) close_socket(one);
    set_idle(one);
}

static void send_request(connection *one) {
    one->phase = HEAD;
    one->server_closes = 0;
    one->head_length = 0;
    next_request = (int)(((long)next_request + STRIDE) % request_count);
    ssize_t sent = send(one->fd, requests[next_request], request_lengths[next_request], MSG_NOSIGNAL);
    if (sent != (ssize_t)request_lengths[next_request]) finish(one, RESET);
}

static void connect_failed(connection *one, int error) {
    finish(one, error == ECONNREFUSED ? REFUSED : error == ECONNRESET ? RESET : CONNECT_FAILED);
}

static void open_connection(connection *one) {
    int index = (int)(one - connections), on = 1;
    one->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (one->fd < 0) return connect_failed(one, errno);
    open_count++;
    one->phase = CONNECTING;
    setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (options.sources > 1) {
        struct sockaddr_in from = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (uint32_t)(index % options.sources))};
        setsockopt(one->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        if (bind(one->fd, (struct sockaddr *)&from, sizeof from) < 0) return connect_failed(one, errno);
    }
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int status = connect(one->fd, (struct sockaddr *)&to, sizeof to);
    if (status < 0 && errno != EINPROGRESS) return connect_failed(one, errno);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.u64 = (uint64_t)++one->generation << 32 | (uint32_t)index};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, one->fd, &event);
    if (status == 0) send_request(one);
}

static connection *take_idle(void) {
    connection *one = &connections[idle[idle_first]];
    idle_first = (idle_first + 1) % options.connections;
    idle_count--;
    return one;
}

static void start(connection *one, uint64_t due) {
    one->started = due;
    started_count++;
    in_flight++;
    // As careful clients do, a connection that the server has already ended is not used again.
    char byte;
    if (options.rate > 0 && one->fd >= 0 && recv(one->fd, &byte, 1, MSG_PEEK) == 0) close_socket(one);
    if (one->fd >= 0) return send_request(one);
    if (one->answered && !options.close) reconnects++;
    open_connection(one);
}

// Starts whatever is due; with a rate, returns how long to sleep, in nanoseconds.
static uint64_t start_due(uint64_t time) {
    while (idle_count > 0 && !stopping) {
        if (!options.hold && options.requests && started_count >= options.requests) stopping = 1;
        if (!options.hold && options.seconds > 0 && time - begun >= (uint64_t)(options.seconds * 1e9)) stopping = 1;
        if (options.hold && (started_count >= (uint64_t)options.connections || in_flight >= OPENING_MAX)) break;
        if (stopping) break;
        uint64_t due = time;
        if (options.rate > 0) {
            due = begun + (uint64_t)((double)started_count * 1e9 / options.rate);
            if (due > time) return due - time;
        }
        connection *one = take_idle();
        start(one, due);
        if (one->fd < 0) return 1000000;  // a failed connect: look at the others before the next attempt
        if (options.rate == 0) time = now();
    }
    return 10000000;
}

// Takes a whole head apart. Returns FAILURES when it is a good one.
static failure take_head(connection *one, const char *head, size_t length) {
    if (length < 16 || memcmp(head, "HTTP/1.1 ", 9) != 0) return MALFORMED;
    int status = (head[9] - '0') * 100 + (head[10] - '0') * 10 + (head[11] - '0');
    if (status < 100 || status > 999) return MALFORMED;
    statuses[status]++;
    if (status < 200 || status > 299) return STATUS;
    const char *end = head + length - 2, *line = memchr(head, '\n', length);
    long long body = -1;
    for (line++; line < end; line++) {
        size_t left = (size_t)(end - line);
        if (left > 15 && (*line | 0x20) == 'c' && strncasecmp(line, "content-length:", 15) == 0)
            body = atoll(line + 15);
        if (left > 17 && (*line | 0x20) == 'c' && strncasecmp(line, "connection: close", 17) == 0)
            one->server_closes = 1;
        line = memchr(line, '\n', (size_t)(head + length - line));
    }
    if (body < 0) return MALFORMED;
    if (options.expect_bytes >= 0 && body != options.expect_bytes) return WRONG_LENGTH;
    one->body_left = (uint64_t)body;
    one->phase = BODY;
    return FAILURES;
}

static void take_bytes(connection *one, size_t length) {
    const char *bytes = received;
    if (one->phase == HEAD) {
        const char *end = memmem(bytes, length, "\r\n\r\n", 4);
        if (!end) {
            if (length > HEAD_BYTES_MAX) return finish(one, MALFORMED);
            if (!one->head) one->head = malloc(HEAD_BYTES_MAX);
            memcpy(one->head, bytes, length);
            one->head_length = length;
            return;
        }
        one->head_length = 0;
        failure wrong = take_head(one, bytes, (size_t)(end + 4 - bytes));
        if (wrong != FAILURES) return finish(one, wrong);
        length -= (size_t)(end + 4 - bytes);
    }
    if (length > one->body_left) return finish(one, MALFORMED);
    one->body_left -= length;
    body_bytes += length;
    if (one->body_left == 0) finish(one, FAILURES);
}

static void ended(connection *one, int reset) {
    if (one->phase == HEAD) return finish(one, reset ? RESET : one->head_length ? TRUNCATED : CLOSED_UNANSWERED);
    if (one->phase == BODY) return finish(one, TRUNCATED);
    int was_idle = one->phase == IDLE;  // an idle connection may be closed by the server at any time
    close_socket(one);
    if (was_idle) one->phase = CLOSED;
    else set_idle(one);
}

static void readable(connection *one, uint32_t what) {
    int until_end = (what & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    while (one->fd >= 0) {
        size_t kept = one->phase == HEAD ? one->head_length : 0, room = RECEIVE_BYTES;
        if (kept) memcpy(received, one->head, kept);
        // The middle of a large body is dropped in the kernel, so that this side is never the bottleneck.
        int drop = one->phase == BODY && one->body_left > RECEIVE_BYTES ? MSG_TRUNC : 0;
        ssize_t got = recv(one->fd, received + kept, room, drop);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) return ended(one, got < 0);
        if (one->phase != HEAD && one->phase != BODY) {  // bytes that nobody asked for
            failures[MALFORMED]++;
            return ended(one, 1);
        }
        take_bytes(one, kept + (size_t)got);
        if (!until_end && (size_t)got < room) return;
    }
}

static void handle(connection *one, uint32_t what) {
    if (one->phase == CLOSED || one->fd < 0) return;
    if (one->phase == CONNECTING) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(one->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) return connect_failed(one, error);
        if (!(what & EPOLLOUT)) return;
        send_request(one);
        if (!(what & EPOLLIN)) return;
    }
    if (what & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) readable(one, what);
}

static void expire(uint64_t time) {
    uint64_t limit = (uint64_t)options.timeout_ms * 1000000u;
    for (int i = 0; i < options.connections; i++) {
        connection *one = &connections[i];
        if (one->phase == CLOSED || one->phase == IDLE || time < one->started + limit) continue;
        if (one->phase == DRAINING) {
            failures[TIMEOUT]++;  // answered, but `Connection: close` was never acted upon
            close_socket(one);
            set_idle(one);
        } else finish(one, TIMEOUT);
    }
}

static void print_result(double elapsed) {
    uint64_t failed = 0;
    for (int i = 0; i < FAILURES; i++) failed += failures[i];
    printf("{\"requests\": %lu, \"ok\": %lu, \"failed\": %lu, \"failures\": {", started_count, ok_count, failed);
    for (int i = 0, first = 1; i < FAILURES; i++) {
        if (failures[i]) printf("%s\"%s\": %lu", first ? "" : ", ", failure_names[i], failures[i]), first = 0;
    }
    printf("}, \"statuses\": {");
    for (int i = 0, first = 1; i < 1000; i++) {
        if (statuses[i]) printf("%s\"%d\": %d", first ? "" : ", ", i, statuses[i]), first = 0;
    }
    printf("}, \"reconnects\": %lu, \"open\": %d, \"seconds\": %.4f, \"requests_per_second\": %.1f, "
           "\"body_bytes\": %lu, \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f}\n",
           reconnects, open_count, elapsed, (double)ok_count / elapsed, body_bytes, quantile(&latencies, 0.5) / 1e3,
           quantile(&latencies, 0.99) / 1e3, quantile(&latencies, 0.999) / 1e3, (double)latencies.max / 1e3);
    fflush(stdout);
}

// Ends the holding: what is counted from here on is the load proper.
static void begin_load(void) {
    options.hold = 0;
    started_count = ok_count = reconnects = body_bytes = 0;
    memset(failures, 0, sizeof failures);
    memset(statuses, 0, sizeof statuses);
    memset(&latencies, 0, sizeof latencies);
    begun = now();
}

static void run(void) {
    begun = now();
    uint64_t next_expiry = begun + 100000000u;
    struct epoll_event events[EVENTS_MAX];
    int held = 0;
    for (;;) {
        uint64_t time = now(), sleep = start_due(time);
        if (time >= next_expiry) {
            expire(time);
            next_expiry = time + 100000000u;
        }
        if (stopping && in_flight == 0) break;
        if (options.hold && started_count >= (uint64_t)options.connections && in_flight == 0 && !held) {
            held = 1;
            print_result((double)(now() - begun) / 1e9);
            fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
        }
        char byte;
        ssize_t told = held ? read(STDIN_FILENO, &byte, 1) : -1;
        if (told == 0) return;
        if (told > 0) {
            held = 0;
            begin_load();
            continue;
        }
        struct timespec wait = {0, (long)(sleep > 10000000 ? 10000000 : sleep)};
        int count = epoll_pwait2(epoll_fd, events, EVENTS_MAX, &wait, NULL);
        for (int i = 0; i < count; i++) {
            connection *one = &connections[(uint32_t)events[i].data.u64];
            if (one->generation == events[i].data.u64 >> 32) handle(one, events[i].events);
            // In a closed loop the next request goes out at once, so that a batch of answers is not held up.
            if (options.rate == 0 && !options.hold && idle_count > 0) start_due(now());
        }
    }
    print_result((double)(now() - begun) / 1e9);
}

int main(int argc, char **argv) {
    static const struct option names[] = {
        {"port", 1, 0, 'p'}, {"connections", 1, 0, 'c'}, {"seconds", 1, 0, 's'}, {"requests", 1, 0, 'n'},
        {"path", 1, 0, 'u'}, {"paths", 1, 0, 'U'}, {"expect-bytes", 1, 0, 'b'}, {"close", 0, 0, 'x'},
        {"rate", 1, 0, 'r'}, {"timeout-ms", 1, 0, 't'}, {"sources", 1, 0, 'S'}, {"hold", 0, 0, 'h'},
        {"tokens", 1, 0, 'k'}, {"skip", 1, 0, 'i'}, {0, 0, 0, 0},
    };
    for (int name; (name = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (name) {
        case 'p': options.port = atoi(optarg); break;
        case 'c': options.connections = atoi(optarg); break;
        case 's': options.seconds = atof(optarg); break;
        case 'n': options.requests = strtoull(optarg, NULL, 10); break;
        case 'u': options.path = optarg; break;
        case 'U': options.paths = atoi(optarg); break;
        case 'b': options.expect_bytes = atoll(optarg); break;
        case 'x': options.close = 1; break;
        case 'r': options.rate = atof(optarg); break;
        case 't': options.timeout_ms = atoi(optarg); break;
        case 'S': options.sources = atoi(optarg); break;
        case 'h': options.hold = 1; break;
        case 'k': options.tokens = optarg; break;
        case 'i': options.skip = strtoull(optarg, NULL, 10); break;
        default: return 2;
        }
    }
    if (options.port <= 0 || options.connections <= 0 || options.paths <= 0) return 2;
    if (!options.hold && options.seconds <= 0 && !options.requests) return 2;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, stop);
    render_requests();
    connections = calloc((size_t)options.connections, sizeof *connections);
    idle = calloc((size_t)options.connections, sizeof *idle);
    for (int i = 0; i < options.connections; i++) {
        connections[i].fd = -1;
        set_idle(&connections[i]);
    }
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    run();
    return 0;
}
