// Counts what a process allocates, without slowing it: to be preloaded (LD_PRELOAD). The counts
// stand in a file that others may read at any time, so that a difference of two readings leaves
// start-up out.
//
//   COUNT_FILE   where the counts go: four 64-bit integers (see `counts`)
//   COUNT_TRACE  when set, a file that gets the callers of each allocation of the program itself, as
//                eight addresses relative to the program; written while counts->is_tracing is not 0
//
// An allocation belongs to the program when the code that called malloc lies in the executable, and
// with it the Swift runtime, which is linked statically; everything else is a library's own.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct {
    uint64_t of_program;    // allocations whose caller is the program
    uint64_t of_libraries;  // all others
    uint64_t bytes;         // asked for by the program
    uint64_t is_tracing;    // set by the reader
} counts;

static counts unshared, *told = &unshared;
static uintptr_t program_start, program_end, program_base;
static int trace_fd = -1;

static int find_program(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size;
    (void)context;
    // The first entry is the program.
    program_base = info->dlpi_addr;
    program_start = UINTPTR_MAX;
    for (int index = 0; index < info->dlpi_phnum; index++) {
        if (info->dlpi_phdr[index].p_type != PT_LOAD) continue;
        uintptr_t start = info->dlpi_addr + info->dlpi_phdr[index].p_vaddr;
        if (start < program_start) program_start = start;
        if (start + info->dlpi_phdr[index].p_memsz > program_end)
            program_end = start + info->dlpi_phdr[index].p_memsz;
    }
    return 1;
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("COUNT_FILE");
    if (path == NULL) return;
    dl_iterate_phdr(find_program, NULL);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *shared = mmap(NULL, sizeof(counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (shared != MAP_FAILED) told = shared;
    const char *trace = getenv("COUNT_TRACE");
    if (trace != NULL)
        trace_fd = open(trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static bool is_program(uintptr_t address) {
    return address >= program_start && address < program_end;
}

// The program's frames keep their frame pointers.
static void trace(uintptr_t caller, const uintptr_t *frame) {
    uintptr_t found[8] = {caller - program_base};
    for (int index = 1; index < 8; index++) {
        const uintptr_t *above = (const uintptr_t *)frame[0];
        if (above <= frame || above > frame + 8192) break;
        frame = above;
        uintptr_t address = frame[1];
        if (!is_program(address)) break;
        found[index] = address - program_base;
    }
    if (write(trace_fd, found, sizeof found) < 0) return;
}

static void count(uintptr_t caller, size_t size, const uintptr_t *frame) {
    if (!is_program(caller)) {
        __atomic_fetch_add(&told->of_libraries, 1, __ATOMIC_RELAXED);
        return;
    }
    __atomic_fetch_add(&told->of_program, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&told->bytes, size, __ATOMIC_RELAXED);
    if (told->is_tracing && trace_fd >= 0) trace(caller, frame);
}

#define COUNT(size) \
    count((uintptr_t)__builtin_return_address(0), size, __builtin_frame_address(0))

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) {
    COUNT(size);
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    COUNT(number * size);
    return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
    COUNT(size);
    return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
    COUNT(size);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    COUNT(size);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    COUNT(size);
    *result = __libc_memalign(alignment, size);
    return *result == NULL ? 12 : 0;
}
