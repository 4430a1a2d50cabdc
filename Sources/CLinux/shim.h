// What the Glibc module of Swift 6.3 does not show: epoll, eventfd, signalfd, accept4 and friends.
#ifndef CLINUX_SHIM_H
#define CLINUX_SHIM_H

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

// Declared only under _GNU_SOURCE, which a module map cannot define for the importer.
extern int accept4(int, struct sockaddr *, socklen_t *, int);
static inline int linux_accept4(
    int descriptor, struct sockaddr *address, socklen_t *length, int flags) {
    return accept4(descriptor, address, length, flags);
}

// fcntl is variadic.
static inline int linux_fcntl(int descriptor, int command, int argument) {
    return fcntl(descriptor, command, argument);
}

// prctl is variadic.
static inline int linux_prctl(int option, unsigned long argument) {
    return prctl(option, argument, 0UL, 0UL, 0UL);
}

// The calling thread's name, of which the kernel keeps 15 bytes.
static inline int linux_set_thread_name(const char *name) {
    return prctl(PR_SET_NAME, (unsigned long)name, 0UL, 0UL, 0UL);
}

#endif
