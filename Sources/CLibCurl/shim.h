// libcurl for Swift. Swift cannot call C variadics, so each option function gets one typed wrapper
// an argument type. The parentheses round the callee dodge curl's type-checking macros, which
// expand to statement expressions that the importer refuses.
#ifndef CLIBCURL_SHIM_H
#define CLIBCURL_SHIM_H

#include <curl/curl.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline CURLcode curl_set_long(CURL *handle, CURLoption option, long value) {
    return (curl_easy_setopt)(handle, option, value);
}
static inline CURLcode curl_set_off(CURL *handle, CURLoption option, curl_off_t value) {
    return (curl_easy_setopt)(handle, option, value);
}
static inline CURLcode curl_set_string(CURL *handle, CURLoption option, const char *value) {
    return (curl_easy_setopt)(handle, option, value);
}
static inline CURLcode curl_set_pointer(CURL *handle, CURLoption option, const void *value) {
    return (curl_easy_setopt)(handle, option, value);
}
// CA certificates as bytes; libcurl copies them.
static inline CURLcode curl_set_ca_bytes(CURL *handle, const void *bytes, size_t count) {
    struct curl_blob blob = {(void *)bytes, count, CURL_BLOB_COPY};
    return (curl_easy_setopt)(handle, CURLOPT_CAINFO_BLOB, &blob);
}
// A file without a name (memfd_create(2)); -1 with errno. Close-on-exec, not executable where the
// kernel knows of that (6.3).
static inline int curl_memory_file(void) {
    int descriptor = (int)syscall(SYS_memfd_create, "certificates", 0x1u | 0x8u);
    return descriptor >= 0 ? descriptor : (int)syscall(SYS_memfd_create, "certificates", 0x1u);
}
typedef size_t (*curl_data_function)(char *data, size_t size, size_t count, void *context);
static inline CURLcode curl_set_data_function(
    CURL *handle, CURLoption option, curl_data_function function) {
    return (curl_easy_setopt)(handle, option, function);
}
typedef int (*curl_seek_function)(void *context, curl_off_t offset, int origin);
static inline CURLcode curl_set_seek_function(CURL *handle, curl_seek_function function) {
    return (curl_easy_setopt)(handle, CURLOPT_SEEKFUNCTION, function);
}
static inline CURLcode curl_set_open_socket_function(
    CURL *handle, curl_opensocket_callback function) {
    return (curl_easy_setopt)(handle, CURLOPT_OPENSOCKETFUNCTION, function);
}
// The socket that libcurl would make for `address`; -1 with errno.
// A seccomp filter sees whole registers, and a compiler may leave one `int` in the upper half of
// another's: RestrictAddressFamilies= of systemd then takes AF_INET for a family it does not know.
// What is read back from memory has no upper half.
static inline int curl_open_socket(const struct curl_sockaddr *address) {
    volatile int family = address->family;
    volatile int type = address->socktype | SOCK_CLOEXEC;
    volatile int protocol = address->protocol;
    return socket(family, type, protocol);
}
// Ends a connection whose other side has acknowledged nothing for so long. Not one to this machine:
// no path to it can die, and a busy server of one's own may take a long body as late as it likes.
static inline void curl_bound_silence(int descriptor, unsigned milliseconds) {
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (getpeername(descriptor, (struct sockaddr *)&address, &size) != 0) return;
    if (address.ss_family == AF_INET) {
        struct sockaddr_in *peer = (struct sockaddr_in *)&address;
        if (ntohl(peer->sin_addr.s_addr) >> 24 == 127) return;
    } else if (address.ss_family == AF_INET6) {
        struct sockaddr_in6 *peer = (struct sockaddr_in6 *)&address;
        if (IN6_IS_ADDR_LOOPBACK(&peer->sin6_addr)) return;
    } else {
        return;
    }
    (void)setsockopt(
        descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
}
static inline CURLcode curl_set_prereq_function(CURL *handle, curl_prereq_callback function) {
    return (curl_easy_setopt)(handle, CURLOPT_PREREQFUNCTION, function);
}
static inline CURLcode curl_set_close_socket_function(
    CURL *handle, curl_closesocket_callback function) {
    return (curl_easy_setopt)(handle, CURLOPT_CLOSESOCKETFUNCTION, function);
}

static inline CURLcode curl_get_long(CURL *handle, CURLINFO info, long *value) {
    return (curl_easy_getinfo)(handle, info, value);
}
static inline CURLcode curl_get_off(CURL *handle, CURLINFO info, curl_off_t *value) {
    return (curl_easy_getinfo)(handle, info, value);
}
static inline CURLcode curl_get_pointer(CURL *handle, CURLINFO info, void **value) {
    return (curl_easy_getinfo)(handle, info, value);
}

static inline CURLMcode curl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
    return (curl_multi_setopt)(multi, option, value);
}
static inline CURLMcode curl_multi_set_pointer(CURLM *multi, CURLMoption option, void *value) {
    return (curl_multi_setopt)(multi, option, value);
}
static inline CURLMcode curl_multi_set_socket_function(
    CURLM *multi, curl_socket_callback function) {
    return (curl_multi_setopt)(multi, CURLMOPT_SOCKETFUNCTION, function);
}
static inline CURLMcode curl_multi_set_timer_function(
    CURLM *multi, curl_multi_timer_callback function) {
    return (curl_multi_setopt)(multi, CURLMOPT_TIMERFUNCTION, function);
}

static inline CURLSHcode curl_share_set_lock_data(CURLSH *share, curl_lock_data data) {
    return (curl_share_setopt)(share, CURLSHOPT_SHARE, data);
}

// CURLMsg holds a union, which Swift sees as opaque.
static inline CURLcode curl_message_result(const CURLMsg *message) {
    return message->data.result;
}

// Macros with casts do not import.
static const size_t curl_write_pause = CURL_WRITEFUNC_PAUSE;
static const size_t curl_read_abort = CURL_READFUNC_ABORT;
static const curl_socket_t curl_socket_timeout = CURL_SOCKET_TIMEOUT;
static const curl_socket_t curl_socket_bad = CURL_SOCKET_BAD;

#endif
