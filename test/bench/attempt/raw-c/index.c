// What `ejection` asks of the host on a good answer, in plain C: to be told of the attempt's begin, answer and end, the answer's headers, the host's
// address, a metric, and the log level. What it cannot be cheaper than; a test holds the list to what the filter asks for.
//
//   clang --target=wasm32 -O3 -ffreestanding -nostdlib -Wl,--no-entry

typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned char u8;

#define IMPORT(name) __attribute__((import_module("env"), import_name(#name))) u32 name
#define EXPORT(name) __attribute__((export_name(#name))) name

IMPORT(proxy_get_header_map_pairs)(u32 map, u8 **pairs, u32 *size);
IMPORT(proxy_get_property)(const char *path, u32 pathSize, u8 **value, u32 *size);
IMPORT(proxy_get_log_level)(u32 *level);
IMPORT(proxy_define_metric)(u32 type, const char *name, u32 length, u32 *metric);
IMPORT(proxy_get_metric)(u32 metric, u64 *value);

enum { RESPONSE_HEADERS = 2, GAUGE = 1 };

// What the host allocates lives until the next callback.
static u8 block[1 << 17] __attribute__((aligned(16)));
static u32 used, suspects;

void *EXPORT(malloc)(unsigned long size) {
  u32 at = used;
  if (size > sizeof block - at) return 0;
  used = (at + size + 15) & ~15u;
  return block + at;
}

void EXPORT(proxy_abi_version_0_2_1)(void) {}
void EXPORT(proxy_on_context_create)(u32 context, u32 root) {}
void EXPORT(proxy_on_delete)(u32 context) {}

u32 EXPORT(proxy_on_configure)(u32 context, u32 size) { return proxy_define_metric(GAUGE, "suspects", 8, &suspects) == 0; }

u32 EXPORT(proxy_on_response_headers)(u32 context, u32 count, u32 endOfStream) {
  used = 0;
  u8 *bytes;
  u32 size, level;
  u64 value;
  proxy_get_header_map_pairs(RESPONSE_HEADERS, &bytes, &size);
  proxy_get_property("upstream\0address", 16, &bytes, &size);
  proxy_get_metric(suspects, &value);
  proxy_get_log_level(&level);
  return 0;
}
