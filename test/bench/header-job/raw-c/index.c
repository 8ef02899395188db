// The header job of the benchmark in plain C: no SDK, no libc, one read of all request headers. What a filter cannot be much cheaper than.
//
//   clang --target=wasm32 -O3 -ffreestanding -nostdlib -Wl,--no-entry

typedef unsigned int u32;
typedef unsigned char u8;

#define IMPORT(name) __attribute__((import_module("env"), import_name(#name))) u32 name
#define EXPORT(name) __attribute__((export_name(#name))) name

IMPORT(proxy_get_header_map_pairs)(u32 map, u8 **pairs, u32 *size);
IMPORT(proxy_replace_header_map_value)(u32 map, const char *name, u32 nameLength, const char *value, u32 valueLength);
IMPORT(proxy_add_header_map_value)(u32 map, const char *name, u32 nameLength, const char *value, u32 valueLength);

enum { REQUEST_HEADERS = 0, RESPONSE_HEADERS = 2 };

// What the host allocates lives until the next callback.
static u8 block[1 << 17] __attribute__((aligned(16)));
static u32 used;

void *EXPORT(malloc)(unsigned long size) {
  u32 at = used;
  if (size > sizeof block - at) return 0;
  used = (at + size + 15) & ~15u;
  return block + at;
}

static int equals(const u8 *bytes, const char *text, u32 length) {
  for (u32 i = 0; i < length; i++)
    if (bytes[i] != (u8)text[i]) return 0;
  return 1;
}

void EXPORT(proxy_abi_version_0_2_1)(void) {}
void EXPORT(proxy_on_context_create)(u32 context, u32 root) {}

u32 EXPORT(proxy_on_request_headers)(u32 context, u32 count, u32 endOfStream) {
  used = 0;
  u8 *pairs;
  u32 size;
  if (proxy_get_header_map_pairs(REQUEST_HEADERS, &pairs, &size) != 0) return 0;

  const u8 *path = 0, *user = 0;
  volatile const u8 *authorization = 0;
  u32 pathLength = 0, userLength = 0;
  const u32 *lengths = (const u32 *)pairs + 1;
  u32 pairCount = *(const u32 *)pairs;
  const u8 *at = pairs + 4 + 8 * pairCount;
  for (u32 i = 0; i < pairCount; i++) {
    u32 nameLength = lengths[2 * i], valueLength = lengths[2 * i + 1];
    const u8 *value = at + nameLength + 1;
    if (nameLength == 5 && equals(at, ":path", 5)) path = value, pathLength = valueLength;
    else if (nameLength == 6 && equals(at, "x-user", 6)) user = value, userLength = valueLength;
    else if (nameLength == 13 && equals(at, "authorization", 13)) authorization = value;
    at = value + valueLength + 1;
  }
  if (path == 0 || pathLength < 5 || !equals(path, "/api/", 5)) return 0;
  int beta = user != 0 && userLength >= 5 && equals(user + userLength - 5, "-beta", 5);
  proxy_replace_header_map_value(REQUEST_HEADERS, "x-route", 7, beta ? "canary" : "stable", 6);
  return 0;
}

u32 EXPORT(proxy_on_response_headers)(u32 context, u32 count, u32 endOfStream) {
  proxy_add_header_map_value(RESPONSE_HEADERS, "x-filter", 8, "1", 1);
  return 0;
}
