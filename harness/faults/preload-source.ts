/**
 * Preloaded into a process: its wall clock is off by as many seconds as the file that `WALL_CLOCK_OFFSET` names holds, as a 64-bit integer; the monotonic clock is left alone. While
 * the file that `FULL_DISK` names begins with another byte than 0, what it writes into files below the folder `FULL_DISK_FOLDER` fails with ENOSPC. C without headers, so that a compiler
 * alone is enough: what is declared comes from the C library of the process. Of 64-bit Linux.
 */
export const SOURCE = String.raw`
struct timespec { long seconds; long nanoseconds; };
struct timeval { long seconds; long microseconds; };
struct iovec;

extern char *getenv(const char *name);
extern int open(const char *path, int flags, ...);
extern void *mmap(void *address, unsigned long length, int protection, int flags, int file, long start);
extern void *dlsym(void *handle, const char *name);
extern long readlink(const char *path, char *buffer, unsigned long size);
extern int *__errno_location(void);

enum { READ_ONLY = 0, PROT_READ = 1, MAP_SHARED = 1, CLOCK_REALTIME = 0, CLOCK_REALTIME_COARSE = 5, ENOSPC = 28, PATH = 4096 };
#define MAP_FAILED ((void *)-1)
#define RTLD_NEXT ((void *)-1)
#define ORIGINAL(type, name, ...) static type (*original)(__VA_ARGS__); if (original == 0) original = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static volatile long *offset;
static volatile char *full;
static const char *folder;

static void *shared(const char *variable, unsigned long length) {
  const char *path = getenv(variable);
  int file = path == 0 ? -1 : open(path, READ_ONLY);
  void *memory = file < 0 ? MAP_FAILED : mmap(0, length, PROT_READ, MAP_SHARED, file, 0);
  return memory == MAP_FAILED ? 0 : memory;
}

__attribute__((constructor)) static void begin(void) {
  offset = shared("WALL_CLOCK_OFFSET", sizeof(long));
  full = shared("FULL_DISK", 1);
  folder = getenv("FULL_DISK_FOLDER");
}

int clock_gettime(int clock, struct timespec *time) {
  ORIGINAL(int, "clock_gettime", int, struct timespec *);
  int result = original(clock, time);
  if (result == 0 && offset != 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->seconds += *offset;
  return result;
}

int gettimeofday(struct timeval *time, void *zone) {
  ORIGINAL(int, "gettimeofday", struct timeval *, void *);
  int result = original(time, zone);
  if (result == 0 && time != 0 && offset != 0) time->seconds += *offset;
  return result;
}

long time(long *seconds) {
  ORIGINAL(long, "time", long *);
  long now = original(0) + (offset == 0 ? 0 : *offset);
  if (seconds != 0) *seconds = now;
  return now;
}

static int refused(int file) {
  if (full == 0 || *full == 0 || folder == 0 || file < 0) return 0;
  char link[32] = "/proc/self/fd/", path[PATH];
  char digits[12];
  int count = 0, at = 14;
  do digits[count++] = (char)('0' + file % 10); while ((file /= 10) > 0);
  while (count > 0) link[at++] = digits[--count];
  link[at] = 0;
  long length = readlink(link, path, PATH - 1);
  if (length < 0) return 0;
  path[length] = 0;
  for (at = 0; folder[at] != 0; at++) if (path[at] != folder[at]) return 0;
  if (path[at] != '/') return 0;
  *__errno_location() = ENOSPC;
  return 1;
}

long write(int file, const void *data, unsigned long length) {
  ORIGINAL(long, "write", int, const void *, unsigned long);
  return refused(file) ? -1 : original(file, data, length);
}

long pwrite(int file, const void *data, unsigned long length, long position) {
  ORIGINAL(long, "pwrite", int, const void *, unsigned long, long);
  return refused(file) ? -1 : original(file, data, length, position);
}

long pwrite64(int file, const void *data, unsigned long length, long position) {
  ORIGINAL(long, "pwrite64", int, const void *, unsigned long, long);
  return refused(file) ? -1 : original(file, data, length, position);
}

long writev(int file, const struct iovec *data, int count) {
  ORIGINAL(long, "writev", int, const struct iovec *, int);
  return refused(file) ? -1 : original(file, data, count);
}

long pwritev(int file, const struct iovec *data, int count, long position) {
  ORIGINAL(long, "pwritev", int, const struct iovec *, int, long);
  return refused(file) ? -1 : original(file, data, count, position);
}

long pwritev64(int file, const struct iovec *data, int count, long position) {
  ORIGINAL(long, "pwritev64", int, const struct iovec *, int, long);
  return refused(file) ? -1 : original(file, data, count, position);
}
`;
