// Preloaded into an Envoy: its wall clock is off by as many seconds as the file that WALL_CLOCK_OFFSET names holds, as a 64-bit integer. The monotonic
// clock is left alone. Without headers, so that a compiler alone is enough: what is declared here comes from the C library of the process.

struct timespec {
  long seconds;
  long nanoseconds;
};

extern char *getenv(const char *name);
extern int open(const char *path, int flags, ...);
extern void *mmap(void *address, unsigned long length, int protection, int flags, int file, long start);
extern void *dlsym(void *handle, const char *name);

enum { READ_ONLY = 0, PROT_READ = 1, MAP_SHARED = 1, CLOCK_REALTIME = 0, CLOCK_REALTIME_COARSE = 5 };
#define MAP_FAILED ((void *)-1)
#define RTLD_NEXT ((void *)-1)

static volatile long *offset;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("WALL_CLOCK_OFFSET");
  int file = path == 0 ? -1 : open(path, READ_ONLY);
  if (file < 0) return;
  void *memory = mmap(0, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
  if (memory != MAP_FAILED) offset = memory;
}

int clock_gettime(int clock, struct timespec *time) {
  static int (*original)(int, struct timespec *);
  if (original == 0) original = (int (*)(int, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int result = original(clock, time);
  if (result == 0 && offset != 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->seconds += *offset;
  return result;
}
