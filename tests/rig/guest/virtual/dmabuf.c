/* Buffers for frames where the kernel has no /dev/dma_heap and no /dev/udmabuf, by LD_PRELOAD: plain memory plays them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { NONE, UDMABUF, HEAP, MOST_FILES = 4096 };
static unsigned char played[MOST_FILES];

static int kind_of(const char *path) {
  if (path && !strcmp(path, "/dev/udmabuf")) return UDMABUF;
  return path && !strncmp(path, "/dev/dma_heap/", 14) ? HEAP : NONE;
}

static int play(int kind) {
  int file = memfd_create("played-device", MFD_CLOEXEC);
  if (file >= 0 && file < MOST_FILES) played[file] = kind;
  return file;
}

#define MODE(flags) \
  mode_t mode = 0; \
  if (flags & (O_CREAT | __O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, int); va_end(rest); }

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    static int (*real)(const char *, int, ...); \
    if (!real) real = dlsym(RTLD_NEXT, #name); \
    if (kind_of(path)) return play(kind_of(path)); \
    MODE(flags) return real(path, flags, mode); }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
  int name(int folder, const char *path, int flags, ...) { \
    static int (*real)(int, const char *, int, ...); \
    if (!real) real = dlsym(RTLD_NEXT, #name); \
    if (kind_of(path)) return play(kind_of(path)); \
    MODE(flags) return real(folder, path, flags, mode); }
OPENAT(openat)
OPENAT(openat64)

int access(const char *path, int mode) {
  static int (*real)(const char *, int);
  if (!real) real = dlsym(RTLD_NEXT, "access");
  return kind_of(path) ? 0 : real(path, mode);
}

int close(int file) {
  static int (*real)(int);
  if (!real) real = dlsym(RTLD_NEXT, "close");
  if (file >= 0 && file < MOST_FILES) played[file] = NONE;
  return real(file);
}

static int allocated(struct dma_heap_allocation_data *wanted) {
  int memory = memfd_create("played-buffer", MFD_CLOEXEC);
  if (memory < 0 || ftruncate(memory, wanted->len)) return -1;
  wanted->fd = memory;
  return 0;
}

int ioctl(int file, unsigned long request, ...) {
  static int (*real)(int, unsigned long, ...);
  if (!real) real = dlsym(RTLD_NEXT, "ioctl");
  va_list rest;
  va_start(rest, request);
  void *given = va_arg(rest, void *);
  va_end(rest);
  int kind = file >= 0 && file < MOST_FILES ? played[file] : NONE;
  if (kind == UDMABUF && (uint32_t)request == (uint32_t)UDMABUF_CREATE)
    return fcntl(((struct udmabuf_create *)given)->memfd, F_DUPFD_CLOEXEC, 0);
  if (kind == HEAP && (uint32_t)request == (uint32_t)DMA_HEAP_IOCTL_ALLOC) return allocated(given);
  if (kind != NONE) return errno = ENOTTY, -1;
  int status = real(file, request, given);
  int of_a_buffer = (uint32_t)request == (uint32_t)DMA_BUF_IOCTL_SYNC || (uint32_t)request == (uint32_t)DMA_BUF_SET_NAME;
  return status < 0 && errno == ENOTTY && of_a_buffer ? 0 : status;
}
