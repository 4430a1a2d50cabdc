// The upstream of the benchmarks: a chat-completions server in C that does next to nothing, so that
// it is never what limits a measurement (bench.py measures it alone, too). One thread, one epoll.
// Requests to a path that ends in /messages get streams of the Messages API.
//
// The model's name says what is answered; it is looked for in the first KiB of the body:
//
//   bench/burst/CHUNKS/BYTES          that many chunks of that much text, as fast as they are taken
//   bench/paced/CHUNKS/BYTES/MICROS   the same, one chunk every MICROS microseconds
//
// A paced chunk's text begins with 16 hexadecimal digits, the monotonic time in nanoseconds when it
// was written: who receives it knows how long it was under way. With `"stream":true` chunks are
// server-sent events, one HTTP chunk each, as real servers send them; without it one JSON body
// holds the whole text. `GET /last` gives the last body that was received, for the same request to
// be sent past the proxy; `GET /count` how many requests and connections there were.
//
// Usage: upstream          listens on 127.0.0.1, port of the kernel's choice, printed on stdout

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
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

enum { HEAD_MAX = 16 << 10, ANSWERS_MAX = 64, CONNECTIONS_MAX = 65536, TEXT_MAX = 4096 };

static void die(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

// MARK: Answers. Each is rendered once and sent from the same memory ever after.

typedef struct {
    char model[64];
    bool is_stream, is_messages;
    size_t chunks, text_bytes;
    uint64_t interval_ns;  // 0: a burst
    char *whole;           // a burst, or what is not streamed: head and body
    size_t whole_bytes;
    char *start, *unit, *end;  // of a paced stream: head, one chunk, what follows the last one
    size_t start_bytes, unit_bytes, end_bytes, stamp_at;
} answer;

static answer answers[ANSWERS_MAX];
static int answer_count;

static const char STREAM_HEAD[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
    "Transfer-Encoding: chunked\r\n\r\n";
static const char USAGE[] =
    "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,"
    "\"prompt_tokens_details\":{\"cached_tokens\":0},\"cost\":0.0001}";
static const char IDENTITY[] =
    "\"id\":\"gen-1700000000-AbCdEfGhIjKlMnOpQrSt\",\"provider\":\"Bench\",\"model\":\"bench/model\","
    "\"created\":1700000000";

// The text of one chunk: harmless letters, or room for the time and then letters.
static void fill_text(char *text, size_t bytes) {
    for (size_t index = 0; index < bytes; index++) text[index] = 'a' + (char)(index % 26);
    if (bytes > 0) text[bytes - 1] = ' ';
    text[bytes] = 0;
}

// Frames one event as an HTTP chunk.
static size_t put_event(char *to, const char *json) {
    size_t length = strlen(json) + strlen("data: \n\n");
    return (size_t)sprintf(to, "%zx\r\ndata: %s\n\n\r\n", length, json);
}

// The same with a name, as the Messages API has it.
static size_t put_named(char *to, const char *name, const char *json) {
    size_t length = strlen(name) + strlen(json) + strlen("event: \ndata: \n\n");
    return (size_t)sprintf(to, "%zx\r\nevent: %s\ndata: %s\n\n\r\n", length, name, json);
}

static size_t put_message_start(char *to) {
    size_t size = put_named(to, "message_start",
        "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_0123456789AbCdEfGhIjKlMn\",\"type\":"
        "\"message\",\"role\":\"assistant\",\"model\":\"bench/model\",\"content\":[],\"stop_reason\":"
        "null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":100,\"output_tokens\":1}}}");
    return size + put_named(to + size, "content_block_start",
        "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":"
        "\"\"}}");
}

static size_t put_message_end(char *to) {
    size_t size = put_named(to, "content_block_stop",
        "{\"type\":\"content_block_stop\",\"index\":0}");
    size += put_named(to + size, "message_delta",
        "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},"
        "\"usage\":{\"output_tokens\":20}}");
    size += put_named(to + size, "message_stop", "{\"type\":\"message_stop\"}");
    return size + (size_t)sprintf(to + size, "0\r\n\r\n");
}

static size_t put_end(char *to) {
    char json[1024];
    size_t size = 0;
    sprintf(json,
        "{%s,\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"role\":"
        "\"assistant\",\"content\":\"\"},\"finish_reason\":\"stop\",\"native_finish_reason\":"
        "\"stop\",\"logprobs\":null}]}", IDENTITY);
    size += put_event(to, json);
    sprintf(json,
        "{%s,\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"role\":"
        "\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":%s}", IDENTITY, USAGE);
    size += put_event(to + size, json);
    size += put_event(to + size, "[DONE]");
    size += (size_t)sprintf(to + size, "0\r\n\r\n");
    return size;
}

static void render_unit(answer *made, const char *text) {
    char json[TEXT_MAX + 1024];
    made->unit = malloc(TEXT_MAX + 2048);
    made->end = malloc(4096);
    made->start = malloc(4096);
    made->start_bytes = (size_t)sprintf(made->start, "%s", STREAM_HEAD);
    const char *before = made->is_messages ? "\"text\":\"" : "\"content\":\"";
    if (made->is_messages) {
        sprintf(json,
            "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","
            "\"text\":\"%s\"}}", text);
        made->unit_bytes = put_named(made->unit, "content_block_delta", json);
        made->start_bytes += put_message_start(made->start + made->start_bytes);
        made->end_bytes = put_message_end(made->end);
    } else {
        sprintf(json,
            "{%s,\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"role\":"
            "\"assistant\",\"content\":\"%s\"},\"finish_reason\":null,\"native_finish_reason\":null,"
            "\"logprobs\":null}]}", IDENTITY, text);
        made->unit_bytes = put_event(made->unit, json);
        made->end_bytes = put_end(made->end);
    }
    char *content = strstr(made->unit, before);
    made->stamp_at = (size_t)(content - made->unit) + strlen(before);
}

static void render(answer *made) {
    char text[TEXT_MAX + 1];
    fill_text(text, made->text_bytes);
    render_unit(made, text);
    if (made->is_stream) {
        if (made->interval_ns > 0) return;
        made->whole_bytes = made->start_bytes + made->chunks * made->unit_bytes + made->end_bytes;
        char *to = made->whole = malloc(made->whole_bytes);
        to = mempcpy(to, made->start, made->start_bytes);
        for (size_t index = 0; index < made->chunks; index++)
            to = mempcpy(to, made->unit, made->unit_bytes);
        memcpy(to, made->end, made->end_bytes);
        return;
    }
    size_t body_max = made->chunks * made->text_bytes + 2048;
    char *body = malloc(body_max), *to = body;
    to += sprintf(to,
        "{%s,\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
        "\"assistant\",\"content\":\"", IDENTITY);
    for (size_t index = 0; index < made->chunks; index++)
        to = mempcpy(to, text, made->text_bytes);
    to += sprintf(to, "\"},\"finish_reason\":\"stop\"}],\"usage\":%s}", USAGE);
    made->whole = malloc(body_max + 256);
    made->whole_bytes = (size_t)sprintf(made->whole,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
        (size_t)(to - body));
    memcpy(made->whole + made->whole_bytes, body, (size_t)(to - body));
    made->whole_bytes += (size_t)(to - body);
    free(body);
}

static bool holds_stream(const char *body, size_t bytes) {
    return memmem(body, bytes, "\"stream\":true", 13) != NULL
        || memmem(body, bytes, "\"stream\": true", 14) != NULL;
}

// The answer to the model that the body names; NULL when it names none of ours.
static answer *answer_for(const char *body, size_t bytes, bool is_messages) {
    size_t looked_at = bytes < 1024 ? bytes : 1024;
    const char *model = memmem(body, looked_at, "\"bench/", 7);
    if (model == NULL) return NULL;
    model++;
    const char *quote = memchr(model, '"', looked_at - (size_t)(model - body));
    if (quote == NULL || quote - model >= 64) return NULL;
    size_t length = (size_t)(quote - model);
    bool is_stream = holds_stream(body, looked_at);
    // The proxy puts it near the end; only the baseline's is elsewhere.
    size_t tail = bytes < 4096 ? bytes : 4096;
    if (!is_stream) is_stream = holds_stream(body + bytes - tail, tail);
    if (!is_stream) is_stream = holds_stream(body, bytes);
    for (int index = 0; index < answer_count; index++) {
        answer *known = &answers[index];
        if (known->is_stream == is_stream && known->is_messages == is_messages && strlen(known->model) == length
            && memcmp(known->model, model, length) == 0)
            return known;
    }
    if (answer_count == ANSWERS_MAX) return NULL;
    if (is_messages && !is_stream) return NULL;
    answer made = {.is_stream = is_stream, .is_messages = is_messages};
    memcpy(made.model, model, length);
    size_t micros = 0;
    if (sscanf(made.model, "bench/paced/%zu/%zu/%zu", &made.chunks, &made.text_bytes, &micros) == 3) {
        made.interval_ns = micros * 1000;
        if (made.text_bytes < 16) return NULL;
    } else if (sscanf(made.model, "bench/burst/%zu/%zu", &made.chunks, &made.text_bytes) != 2) {
        return NULL;
    }
    if (made.text_bytes > TEXT_MAX) return NULL;
    render(&made);
    answers[answer_count] = made;
    return &answers[answer_count++];
}

// MARK: Connections

typedef struct {
    int fd;
    char *input;  // a head, or a head with its body
    size_t input_bytes, input_capacity, wanted;  // wanted: head and body; 0 while it is not known
    size_t body_at;
    const char *output;  // being sent
    size_t output_bytes, output_sent;
    char small[TEXT_MAX + 4096];  // what is not sent from an answer's memory
    answer *answer;               // a paced stream under way
    size_t chunks_left;
    uint64_t due;
    bool is_blocked;
} connection;

static connection *connections[CONNECTIONS_MAX];
static int epoll_fd;
static size_t requests_seen, connections_seen, last_bytes;
static char *last_body;

// The streams that wait for their next chunk: a binary heap, the earliest first.
static connection *heap[CONNECTIONS_MAX];
static size_t heap_count;

static void heap_push(connection *added) {
    size_t index = heap_count++;
    while (index > 0 && heap[(index - 1) / 2]->due > added->due) {
        heap[index] = heap[(index - 1) / 2];
        index = (index - 1) / 2;
    }
    heap[index] = added;
}

static void heap_remove(size_t index) {
    connection *last = heap[--heap_count];
    if (index == heap_count) return;
    while (true) {
        size_t child = 2 * index + 1;
        if (child >= heap_count) break;
        if (child + 1 < heap_count && heap[child + 1]->due < heap[child]->due) child++;
        if (heap[child]->due >= last->due) break;
        heap[index] = heap[child];
        index = child;
    }
    while (index > 0 && heap[(index - 1) / 2]->due > last->due) {
        heap[index] = heap[(index - 1) / 2];
        index = (index - 1) / 2;
    }
    heap[index] = last;
}

static void close_connection(connection *closed) {
    for (size_t index = 0; index < heap_count; index++) {
        if (heap[index] != closed) continue;
        heap_remove(index);
        break;
    }
    connections[closed->fd] = NULL;
    close(closed->fd);
    free(closed->input);
    free(closed);
}

// Returns false when the connection is gone.
static bool flush_output(connection *served) {
    while (served->output_sent < served->output_bytes) {
        ssize_t count = send(served->fd, served->output + served->output_sent,
            served->output_bytes - served->output_sent, MSG_NOSIGNAL);
        if (count < 0) {
            if (errno != EAGAIN) {
                close_connection(served);
                return false;
            }
            break;
        }
        served->output_sent += (size_t)count;
    }
    bool is_blocked = served->output_sent < served->output_bytes;
    if (is_blocked != served->is_blocked) {
        served->is_blocked = is_blocked;
        struct epoll_event event = {
            .events = is_blocked ? EPOLLIN | EPOLLOUT : EPOLLIN, .data.fd = served->fd};
        if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, served->fd, &event) != 0) die("epoll_ctl");
    }
    return true;
}

static bool send_bytes(connection *served, const char *bytes, size_t count) {
    served->output = bytes;
    served->output_bytes = count;
    served->output_sent = 0;
    return flush_output(served);
}

// Writes the next chunk of a paced stream, and its end with the last one.
static bool send_chunk(connection *served, bool is_first) {
    answer *answer = served->answer;
    char *to = served->small;
    if (served->is_blocked) {
        // A receiver that does not keep up: nothing is measured by such a stream any more.
        close_connection(served);
        return false;
    }
    if (is_first) to = mempcpy(to, answer->start, answer->start_bytes);
    char *unit = to;
    to = mempcpy(to, answer->unit, answer->unit_bytes);
    uint64_t time = now_ns();
    for (int digit = 15; digit >= 0; digit--, time >>= 4)
        unit[answer->stamp_at + (size_t)digit] = "0123456789abcdef"[time & 15];
    if (--served->chunks_left == 0) {
        to = mempcpy(to, answer->end, answer->end_bytes);
        served->answer = NULL;
    } else {
        served->due += answer->interval_ns;
        heap_push(served);
    }
    return send_bytes(served, served->small, (size_t)(to - served->small));
}

static bool send_text(connection *served, const char *status, const char *body, size_t bytes) {
    char *whole = malloc(bytes + 256);
    size_t head = (size_t)sprintf(whole,
        "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", status,
        bytes);
    memcpy(whole + head, body, bytes);
    // Rare and small enough for the socket's buffer, but for `GET /last`.
    bool is_alive = true;
    for (size_t sent = 0; is_alive && sent < head + bytes;) {
        ssize_t count = send(served->fd, whole + sent, head + bytes - sent, MSG_NOSIGNAL);
        if (count > 0) sent += (size_t)count;
        else if (errno != EAGAIN) is_alive = false;
    }
    free(whole);
    if (!is_alive) close_connection(served);
    return is_alive;
}

static bool serve(connection *served) {
    const char *body = served->input + served->body_at;
    size_t bytes = served->wanted - served->body_at;
    if (strncmp(served->input, "GET /last", 9) == 0)
        return send_text(served, "200 OK", last_body ? last_body : "", last_bytes);
    if (strncmp(served->input, "GET /count", 10) == 0) {
        char text[96];
        int size = sprintf(text, "{\"requests\":%zu,\"connections\":%zu}", requests_seen,
            connections_seen);
        return send_text(served, "200 OK", text, (size_t)size);
    }
    requests_seen++;
    const char *line_end = memchr(served->input, '\n', served->body_at);
    bool is_messages =
        memmem(served->input, (size_t)(line_end - served->input), "/messages", 9) != NULL;
    answer *answer = answer_for(body, bytes, is_messages);
    if (answer == NULL) {
        const char *error = "{\"error\":{\"message\":\"no model of the benchmark\",\"code\":404}}";
        return send_text(served, "404 Not Found", error, strlen(error));
    }
    if (bytes != last_bytes) {
        last_body = realloc(last_body, bytes + 1);
        last_bytes = bytes;
    }
    memcpy(last_body, body, bytes);
    if (answer->whole != NULL) return send_bytes(served, answer->whole, answer->whole_bytes);
    served->answer = answer;
    served->chunks_left = answer->chunks;
    served->due = now_ns();
    return send_chunk(served, true);
}

// Finds the end of the head and the length of the body. False when it is no request.
static bool read_head(connection *served) {
    char *end = memmem(served->input, served->input_bytes, "\r\n\r\n", 4);
    if (end == NULL) return served->input_bytes < HEAD_MAX;
    served->body_at = (size_t)(end - served->input) + 4;
    size_t length = 0;
    for (char *line = served->input; line < end;) {
        if (strncasecmp(line, "content-length:", 15) == 0) length = strtoull(line + 15, NULL, 10);
        if (strncasecmp(line, "transfer-encoding:", 18) == 0) return false;
        line = (char *)memchr(line, '\n', (size_t)(end + 2 - line)) + 1;
    }
    served->wanted = served->body_at + length;
    return true;
}

static void read_input(connection *served) {
    while (true) {
        size_t room = served->wanted > served->input_bytes ? served->wanted - served->input_bytes : 0;
        if (room < HEAD_MAX) room = HEAD_MAX;
        if (served->input_capacity < served->input_bytes + room) {
            served->input_capacity = served->input_bytes + room;
            served->input = realloc(served->input, served->input_capacity);
        }
        ssize_t count = recv(served->fd, served->input + served->input_bytes, room, 0);
        if (count <= 0) {
            if (count == 0 || errno != EAGAIN) close_connection(served);
            return;
        }
        served->input_bytes += (size_t)count;
        if (served->wanted == 0 && !read_head(served)) {
            close_connection(served);
            return;
        }
        if (served->wanted > 0 && served->input_bytes >= served->wanted) break;
        if ((size_t)count < room) return;
    }
    if (!serve(served)) return;
    served->input_bytes = served->wanted = 0;
    if (served->input_capacity > 2 * HEAD_MAX && served->answer != NULL) {
        // Streams are many, and stay.
        free(served->input);
        served->input = NULL;
        served->input_capacity = 0;
    }
}

static void accept_all(int listener) {
    while (true) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        if (fd >= CONNECTIONS_MAX) die("too many connections");
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connection *accepted = calloc(1, sizeof *accepted);
        accepted->fd = fd;
        connections[fd] = accepted;
        connections_seen++;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl");
    }
}

int main(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, size) != 0) die("bind");
    if (listen(listener, 4096) != 0) die("listen");
    getsockname(listener, (struct sockaddr *)&address, &size);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);

    struct epoll_event events[256];
    while (true) {
        int timeout = -1;
        uint64_t time = now_ns();
        while (heap_count > 0 && heap[0]->due <= time) {
            connection *due = heap[0];
            heap_remove(0);
            send_chunk(due, false);
        }
        struct timespec wait = {0};
        if (heap_count > 0) {
            uint64_t left = heap[0]->due > time ? heap[0]->due - time : 0;
            wait.tv_sec = (time_t)(left / 1000000000u);
            wait.tv_nsec = (long)(left % 1000000000u);
            timeout = 0;
        }
        int count = epoll_pwait2(epoll_fd, events, 256, timeout == 0 ? &wait : NULL, NULL);
        for (int index = 0; index < count; index++) {
            int fd = events[index].data.fd;
            if (fd == listener) {
                accept_all(listener);
                continue;
            }
            if (connections[fd] != NULL && events[index].events & EPOLLOUT)
                flush_output(connections[fd]);
            if (connections[fd] != NULL && events[index].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                read_input(connections[fd]);
        }
    }
}
