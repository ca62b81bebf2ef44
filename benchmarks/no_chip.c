/* Stands in front of the kernel's GPIO chip, so that lgpio as installed can be timed on any Linux machine.

   Preloaded, it answers for /dev/gpiochip0. Every rising edge goes, with the instant for which its thread last
   asked to be woken, into the file that $STEP_EDGES names: int64[2][$STEP_CAPACITY], the first of the first row
   being the number of edges. A write takes $STEP_GPIO_NS, as on a board. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

static int64_t *edges_ns;
static int64_t capacity, gpio_ns;
static __thread int64_t due_ns;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

__attribute__((constructor)) static void map_edges(void)
{
    const char *path = getenv("STEP_EDGES");
    if (!path) return;
    capacity = atoll(getenv("STEP_CAPACITY"));
    gpio_ns = atoll(getenv("STEP_GPIO_NS"));
    int fd = open(path, O_RDWR | O_CLOEXEC);
    edges_ns = mmap(NULL, 2 * capacity * sizeof *edges_ns, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (edges_ns == MAP_FAILED) abort();
}

static int write_line(const struct gpio_v2_line_values *values)
{
    int64_t done_ns = now_ns() + gpio_ns, now = now_ns();
    while (now < done_ns) now = now_ns();
    if (edges_ns && (values->bits & values->mask) && edges_ns[0] + 1 < capacity) {
        int64_t next = edges_ns[0] + 1;
        edges_ns[next] = now;
        edges_ns[capacity + next] = due_ns;
        edges_ns[0] = next;
    }
    return 0;
}

int open(const char *path, int flags, ...)
{
    static int (*real)(const char *, int, ...);
    va_list rest;
    va_start(rest, flags);
    int mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, int) : 0;
    va_end(rest);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "open");
    return real(strcmp(path, "/dev/gpiochip0") ? path : "/dev/null", flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

int ioctl(int fd, unsigned long request, ...)
{
    static int (*real)(int, unsigned long, ...);
    va_list rest;
    va_start(rest, request);
    void *given = va_arg(rest, void *);
    va_end(rest);
    switch (request) {
    case GPIO_GET_CHIPINFO_IOCTL:
        *(struct gpiochip_info *)given = (struct gpiochip_info){.label = "none", .lines = 64};
        return 0;
    case GPIO_V2_GET_LINEINFO_IOCTL:
    case GPIO_V2_LINE_SET_CONFIG_IOCTL:
        return 0;
    case GPIO_V2_GET_LINE_IOCTL:
        ((struct gpio_v2_line_request *)given)->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        return 0;
    case GPIO_V2_LINE_GET_VALUES_IOCTL:
        ((struct gpio_v2_line_values *)given)->bits = 0;
        return 0;
    case GPIO_V2_LINE_SET_VALUES_IOCTL:
        return write_line(given);
    }
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "ioctl");
    return real(fd, request, given);
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *until, struct timespec *left)
{
    static int (*real)(clockid_t, int, const struct timespec *, struct timespec *);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "clock_nanosleep");
    if (flags & TIMER_ABSTIME) due_ns = until->tv_sec * INT64_C(1000000000) + until->tv_nsec;
    return real(clock, flags, until, left);
}
