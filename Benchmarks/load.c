// The load generator of the benchmarks: sends one request over and over on a number of keep-alive
// connections, checks every byte of every answer against a template, and tells what it measured as
// one JSON object. One thread, one epoll; its own CPU time is in the report, so that it can be seen
// not to be the limit.
//
// The template is the body of the answer (chunk framing taken off). Three bytes in it are no text:
// 0x01 stands for one character of [0-9A-Za-z_-], as identifiers have them; sixteen 0x02 stand for
// the time when the upstream wrote them (upstream.c): the difference to the time of reading is the
// delay of that event; 0x03 stands for a number of any length.
//
// Usage: load --to HOST:PORT --request FILE --template FILE [--connections N] [--requests N]
//             [--seconds S] [--first OFFSET] [--hold]
//
//   --requests  how many in all; without it, or when --seconds have passed, it stops by time
//   --first     the offset in the body whose arrival counts as the first token
//   --hold      one request a connection; "open" is printed on stderr once each has its first
//               token; ends after --seconds or when all answers are complete

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ID = 1, STAMP = 2, NUMBER = 3, HEAD_MAX = 8192, READ_MAX = 256 << 10, SAMPLES_MAX = 1 << 23 };

static void die(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

typedef struct {
    char *bytes;
    size_t count;
} text;

static text read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) die(path);
    fseek(file, 0, SEEK_END);
    text read = {.count = (size_t)ftell(file)};
    rewind(file);
    read.bytes = malloc(read.count + 1);
    if (fread(read.bytes, 1, read.count, file) != read.count) die(path);
    fclose(file);
    return read;
}

// MARK: Samples, in microseconds

typedef struct {
    float *values;
    size_t count;
    const char *name;
} samples;

static samples latencies = {.name = "latency_us"}, firsts = {.name = "first_us"},
    delays = {.name = "delay_us"};

static void add_sample(samples *to, uint64_t nanoseconds) {
    if (to->values == NULL) to->values = malloc(SAMPLES_MAX * sizeof(float));
    if (to->count < SAMPLES_MAX) to->values[to->count++] = (float)nanoseconds / 1000.0f;
}

static int compare_samples(const void *left, const void *right) {
    float difference = *(const float *)left - *(const float *)right;
    return difference < 0 ? -1 : difference > 0;
}

static void print_samples(samples *told) {
    if (told->count == 0) return;
    qsort(told->values, told->count, sizeof(float), compare_samples);
    printf(",\"%s\":{\"count\":%zu", told->name, told->count);
    const struct { const char *name; double part; } parts[] = {
        {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"max", 1}};
    for (size_t index = 0; index < sizeof parts / sizeof parts[0]; index++) {
        size_t at = (size_t)((double)(told->count - 1) * parts[index].part);
        printf(",\"%s\":%.2f", parts[index].name, told->values[at]);
    }
    printf("}");
}

// MARK: The run

typedef struct {
    int fd;
    bool is_connected, is_writable_watched;
    uint64_t started_at;
    size_t sent;
    enum { HEAD, FIXED, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER, DONE } state;
    char head[HEAD_MAX];
    size_t head_bytes;
    size_t left;  // of a fixed body, or of the present chunk
    size_t size_digits;
    size_t matched;  // how much of the template has come
    bool has_first;
    uint64_t stamp;  // the digits so far
} connection;

static text request, template;
static size_t *markers;  // offsets of the template's special bytes, with one past the end
static uint64_t finish_at;
static size_t first_offset, requests_max, started, completed, firsts_seen, open_wanted;
static size_t bytes_received, errors;
static char first_error[512];
static bool is_hold;
static volatile sig_atomic_t is_stopped;
static int epoll_fd;
static struct sockaddr_in address;
static char *buffer;

static void stop(int signal) {
    (void)signal;
    is_stopped = 1;
}

static void note_error(connection *at, const char *what, const char *bytes, size_t count) {
    if (errors++ == 0) {
        int shown = count > 160 ? 160 : (int)count;
        snprintf(first_error, sizeof first_error, "%s at body offset %zu: %.*s", what, at->matched,
            shown, bytes ? bytes : "");
    }
}

static void open_connection(connection *opened) {
    opened->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (opened->fd < 0) die("socket");
    int on = 1;
    setsockopt(opened->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(opened->fd, (struct sockaddr *)&address, sizeof address) != 0
        && errno != EINPROGRESS)
        die("connect");
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = opened};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, opened->fd, &event) != 0) die("epoll_ctl");
    opened->is_writable_watched = true;
}

static void watch_writable(connection *watched, bool wanted) {
    if (watched->is_writable_watched == wanted) return;
    watched->is_writable_watched = wanted;
    struct epoll_event event = {
        .events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.ptr = watched};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, watched->fd, &event);
}

static void send_request(connection *by) {
    while (by->sent < request.count) {
        ssize_t count =
            send(by->fd, request.bytes + by->sent, request.count - by->sent, MSG_NOSIGNAL);
        if (count < 0) {
            if (errno == EAGAIN) break;
            note_error(by, strerror(errno), NULL, 0);
            close(by->fd);
            by->state = DONE;
            return;
        }
        by->sent += (size_t)count;
    }
    watch_writable(by, by->sent < request.count);
}

static void start_request(connection *by) {
    if (started == requests_max || is_stopped || now_ns() >= finish_at) {
        by->state = DONE;
        return;
    }
    started++;
    by->state = HEAD;
    by->head_bytes = by->sent = by->matched = by->size_digits = 0;
    by->has_first = false;
    by->started_at = now_ns();
    if (by->is_connected) send_request(by);
}

static bool is_marker(char byte) { return byte == ID || byte == STAMP || byte == NUMBER; }

static bool is_identifier(char byte) {
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z')
        || (byte >= 'a' && byte <= 'z') || byte == '_' || byte == '-';
}

// The first marker at or after `offset`.
static size_t marker_after(size_t offset) {
    static size_t count;
    if (count == 0) while (markers[count] != template.count) count++;
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (markers[middle] < offset) low = middle + 1;
        else high = middle;
    }
    return low;
}

// Compares bytes of the body with the template. False at the first difference.
static bool check(connection *at, const char *bytes, size_t count, uint64_t time) {
    size_t marker = marker_after(at->matched);
    for (size_t index = 0; index < count;) {
        size_t next = markers[marker] - at->matched;
        size_t plain = next < count - index ? next : count - index;
        if (memcmp(bytes + index, template.bytes + at->matched, plain) != 0) {
            note_error(at, "a wrong byte", bytes + index, count - index);
            return false;
        }
        index += plain;
        at->matched += plain;
        if (index == count || plain != next) continue;
        if (at->matched == template.count) {
            note_error(at, "more than expected", bytes + index, count - index);
            return false;
        }
        char byte = bytes[index];
        char kind = template.bytes[at->matched];
        if (kind == NUMBER && byte >= '0' && byte <= '9') {
            index++;
            continue;
        }
        at->matched++;
        if (kind == NUMBER) {
            marker++;
            continue;
        }
        index++;
        marker++;
        if (!is_identifier(byte)) {
            note_error(at, "no identifier", bytes + index - 1, count - index + 1);
            return false;
        }
        if (kind == ID) continue;
        at->stamp = at->stamp << 4 | (uint64_t)(byte <= '9' ? byte - '0' : byte - 'a' + 10);
        if (markers[marker] == at->matched && template.bytes[at->matched] == STAMP) continue;
        add_sample(&delays, time - at->stamp);
        at->stamp = 0;
    }
    if (!at->has_first && at->matched > first_offset) {
        at->has_first = true;
        firsts_seen++;
        add_sample(&firsts, time - at->started_at);
        if (is_hold && firsts_seen == open_wanted) {
            fprintf(stderr, "open\n");
            fflush(stderr);
        }
    }
    return true;
}

static bool read_head(connection *at) {
    at->head[at->head_bytes] = 0;
    if (strncmp(at->head, "HTTP/1.1 200 ", 13) != 0) {
        note_error(at, "a wrong status", at->head, at->head_bytes);
        return false;
    }
    char *length = strcasestr(at->head, "\r\ncontent-length:");
    if (length != NULL) {
        at->left = strtoull(length + 17, NULL, 10);
        at->state = FIXED;
    } else if (strcasestr(at->head, "\r\ntransfer-encoding: chunked") != NULL) {
        at->left = 0;
        at->state = CHUNK_SIZE;
    } else {
        note_error(at, "a body without framing", at->head, at->head_bytes);
        return false;
    }
    return true;
}

// Feeds bytes from the connection. False when the answer is wrong. *ended: it is complete.
static bool feed(connection *at, const char *bytes, size_t count, uint64_t time, bool *ended) {
    for (size_t index = 0; index < count;) {
        switch (at->state) {
        case HEAD:
            if (at->head_bytes == HEAD_MAX - 1) return false;
            at->head[at->head_bytes++] = bytes[index++];
            if (at->head_bytes >= 4 && memcmp(at->head + at->head_bytes - 4, "\r\n\r\n", 4) == 0
                && !read_head(at))
                return false;
            break;
        case FIXED:
        case CHUNK_DATA: {
            size_t taken = at->left < count - index ? at->left : count - index;
            if (!check(at, bytes + index, taken, time)) return false;
            index += taken;
            at->left -= taken;
            if (at->left > 0) break;
            if (at->state == CHUNK_DATA) at->state = CHUNK_END;
            else *ended = true;
            break;
        }
        case CHUNK_SIZE: {
            char byte = bytes[index++];
            if (byte == '\n') {
                if (at->size_digits == 0) return false;
                at->size_digits = 0;
                at->state = at->left > 0 ? CHUNK_DATA : TRAILER;
            } else if (byte != '\r') {
                int digit = byte <= '9' ? byte - '0' : (byte | 0x20) - 'a' + 10;
                if (digit < 0 || digit > 15) {
                    note_error(at, "bad chunk framing", bytes + index - 1, count - index + 1);
                    return false;
                }
                at->left = at->left << 4 | (size_t)digit;
                at->size_digits++;
            }
            break;
        }
        case CHUNK_END:
            if (bytes[index++] == '\n') {
                at->left = 0;
                at->state = CHUNK_SIZE;
            }
            break;
        case TRAILER:
            if (bytes[index++] == '\n') *ended = true;
            break;
        case DONE: return false;
        }
        if (*ended && index < count) {
            note_error(at, "bytes after the answer", bytes + index, count - index);
            return false;
        }
    }
    return true;
}

static void readable(connection *at) {
    while (at->state != DONE) {
        ssize_t count = recv(at->fd, buffer, READ_MAX, 0);
        if (count < 0 && errno == EAGAIN) return;
        uint64_t time = now_ns();
        bool ended = false;
        bool is_right = count > 0 && feed(at, buffer, (size_t)count, time, &ended);
        if (count > 0) bytes_received += (size_t)count;
        if (ended && is_right && at->matched != template.count) {
            note_error(at, "less than expected", NULL, 0);
            is_right = false;
        }
        if (!is_right) {
            if (errors == 0) note_error(at, "the connection ended early", NULL, 0);
            close(at->fd);
            at->state = DONE;
            return;
        }
        if (ended) {
            completed++;
            add_sample(&latencies, time - at->started_at);
            if (is_hold) {
                at->state = DONE;
                return;
            }
            start_request(at);
        }
        if ((size_t)count < READ_MAX) return;
    }
}

static void find_markers(void) {
    size_t count = 0;
    for (size_t index = 0; index < template.count; index++) 
        count += is_marker(template.bytes[index]);
    markers = malloc((count + 1) * sizeof *markers);
    count = 0;
    for (size_t index = 0; index < template.count; index++)
        if (is_marker(template.bytes[index])) markers[count++] = index;
    markers[count] = template.count;
}

int main(int count, char **arguments) {
    size_t connection_count = 1;
    double seconds = 3600;
    for (int index = 1; index < count; index++) {
        const char *name = arguments[index];
        if (strcmp(name, "--hold") == 0) {
            is_hold = true;
            continue;
        }
        if (index + 1 == count) die(name);
        char *value = arguments[++index];
        if (strcmp(name, "--to") == 0) {
            char *colon = strrchr(value, ':');
            *colon = 0;
            address.sin_family = AF_INET;
            address.sin_port = htons((uint16_t)atoi(colon + 1));
            inet_pton(AF_INET, value, &address.sin_addr);
        } else if (strcmp(name, "--request") == 0) request = read_file(value);
        else if (strcmp(name, "--template") == 0) template = read_file(value);
        else if (strcmp(name, "--connections") == 0) connection_count = strtoull(value, NULL, 10);
        else if (strcmp(name, "--requests") == 0) requests_max = strtoull(value, NULL, 10);
        else if (strcmp(name, "--seconds") == 0) seconds = atof(value);
        else if (strcmp(name, "--first") == 0) first_offset = strtoull(value, NULL, 10);
        else die(name);
    }
    if (request.count == 0 || template.count == 0 || address.sin_port == 0) die("arguments");
    find_markers();
    if (requests_max == 0) requests_max = SIZE_MAX;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    signal(SIGTERM, stop);
    signal(SIGINT, stop);
    buffer = malloc(READ_MAX);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    open_wanted = connection_count;
    connection *all = calloc(connection_count, sizeof *all);
    uint64_t began_at = now_ns();
    finish_at = began_at + (uint64_t)(seconds * 1e9);
    size_t opened = 0;
    struct epoll_event events[256];
    while (!is_stopped) {
        // New connections a few at a time, so that no backlog overflows.
        while (opened < connection_count && opened < firsts_seen + 128) {
            open_connection(&all[opened]);
            start_request(&all[opened++]);
        }
        uint64_t time = now_ns();
        if (time >= finish_at || errors > 100) break;
        bool is_over = completed + errors >= (is_hold ? connection_count : requests_max);
        if (is_over || (errors > 0 && completed + errors >= started)) break;
        int ready = epoll_wait(epoll_fd, events, 256, 100);
        for (int index = 0; index < ready; index++) {
            connection *at = events[index].data.ptr;
            if (events[index].events & EPOLLOUT) {
                at->is_connected = true;
                if (at->state != DONE) send_request(at);
                else watch_writable(at, false);
            }
            if (at->state != DONE && events[index].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                readable(at);
        }
    }
    double wall = (double)(now_ns() - began_at) / 1e9;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf("{\"completed\":%zu,\"firsts\":%zu,\"errors\":%zu,\"wall_s\":%.6f,\"cpu_s\":%.6f,"
           "\"bytes\":%zu", completed, firsts_seen, errors, wall, cpu, bytes_received);
    print_samples(&latencies);
    print_samples(&firsts);
    print_samples(&delays);
    if (errors > 0) {
        printf(",\"error\":\"");
        for (char *byte = first_error; *byte; byte++) {
            if (*byte == '"' || *byte == '\\') putchar('\\');
            if ((unsigned char)*byte >= 0x20) putchar(*byte);
            else printf("\\u%04x", (unsigned char)*byte);
        }
        printf("\"");
    }
    printf("}\n");
    return errors > 0;
}
