// Times each hostcall in the guest: how long a loop of 200 calls takes by Envoy's own clock, the best of 60 loops, less the empty loop. The answer to a request has one line
// for each hostcall, its name and hundredths of a nanosecond a call.
//
//   clang --target=wasm32 -O3 -ffreestanding -nostdlib -Wl,--no-entry

typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned char u8;

#define IMPORT(name) __attribute__((import_module("env"), import_name(#name))) u32 name
#define EXPORT(name) __attribute__((export_name(#name))) name

IMPORT(proxy_log)(u32 level, const char *text, u32 size);
IMPORT(proxy_get_log_level)(u32 *level);
IMPORT(proxy_get_status)(u32 *code, u8 **text, u32 *size);
IMPORT(proxy_get_property)(const char *path, u32 pathSize, u8 **value, u32 *size);
IMPORT(proxy_set_property)(const char *path, u32 pathSize, const char *value, u32 size);
IMPORT(proxy_set_effective_context)(u32 context);
IMPORT(proxy_get_header_map_value)(u32 map, const char *name, u32 nameSize, u8 **value, u32 *size);
IMPORT(proxy_add_header_map_value)(u32 map, const char *name, u32 nameSize, const char *value, u32 size);
IMPORT(proxy_replace_header_map_value)(u32 map, const char *name, u32 nameSize, const char *value, u32 size);
IMPORT(proxy_remove_header_map_value)(u32 map, const char *name, u32 nameSize);
IMPORT(proxy_get_header_map_pairs)(u32 map, u8 **pairs, u32 *size);
IMPORT(proxy_set_header_map_pairs)(u32 map, const u8 *pairs, u32 size);
IMPORT(proxy_get_header_map_size)(u32 map, u32 *size);
IMPORT(proxy_get_buffer_bytes)(u32 buffer, u32 start, u32 length, u8 **bytes, u32 *size);
IMPORT(proxy_get_buffer_status)(u32 buffer, u32 *length, u32 *flags);
IMPORT(proxy_set_tick_period_milliseconds)(u32 period);
IMPORT(proxy_get_current_time_nanoseconds)(u64 *time);
IMPORT(proxy_define_metric)(u32 type, const char *name, u32 nameSize, u32 *id);
IMPORT(proxy_increment_metric)(u32 id, long long offset);
IMPORT(proxy_record_metric)(u32 id, u64 value);
IMPORT(proxy_get_metric)(u32 id, u64 *value);
IMPORT(proxy_get_shared_data)(const char *key, u32 keySize, u8 **value, u32 *size, u32 *cas);
IMPORT(proxy_set_shared_data)(const char *key, u32 keySize, const char *value, u32 size, u32 cas);
IMPORT(proxy_register_shared_queue)(const char *name, u32 nameSize, u32 *token);
IMPORT(proxy_resolve_shared_queue)(const char *vm, u32 vmSize, const char *name, u32 nameSize, u32 *token);
IMPORT(proxy_enqueue_shared_queue)(u32 token, const char *data, u32 size);
IMPORT(proxy_dequeue_shared_queue)(u32 token, u8 **data, u32 *size);
IMPORT(proxy_call_foreign_function)(const char *name, u32 nameSize, const u8 *bytes, u32 size, u8 **result, u32 *resultSize);
IMPORT(proxy_send_local_response)
(u32 status, const char *details, u32 detailsSize, const u8 *body, u32 bodySize, const u8 *headers, u32 headersSize, u32 grpcStatus);

enum { REQUEST = 0, COUNTER = 0, PLUGIN_CONFIGURATION = 7, ROUNDS = 60, CALLS = 200 };

static u8 block[1 << 18] __attribute__((aligned(16)));
static u32 used;

// What the host hands over is given up before the next call.
void *EXPORT(malloc)(unsigned long size) {
  u32 at = used;
  if (size > sizeof block - at) return 0;
  used = (at + size + 15) & ~15u;
  return block + at;
}

static u8 text[1 << 13];
static u32 length;
static u32 configured;

static void line(const char *name, u64 hundredths) {
  while (*name) text[length++] = *name++;
  text[length++] = ' ';
  u8 digits[20];
  u32 count = 0;
  do digits[count++] = '0' + hundredths % 10;
  while ((hundredths /= 10) > 0);
  while (count > 0) text[length++] = digits[--count];
  text[length++] = '\n';
}

static u64 now(void) {
  u64 time = 0;
  proxy_get_current_time_nanoseconds(&time);
  return time;
}

#define BEST(best, before, call)                                  \
  u64 best = ~0ull;                                               \
  for (u32 round = 0; round < ROUNDS; round++) {                  \
    before;                                                       \
    u64 start = now();                                            \
    for (u32 i = 0; i < CALLS; i++) {                             \
      used = 0;                                                   \
      call;                                                       \
      __asm__ volatile("" ::: "memory");                          \
    }                                                             \
    u64 took = now() - start;                                     \
    if (took < best) best = took;                                 \
  }

#define PRICE(name, call) PRICE_AFTER(name, , call)
#define PRICE_AFTER(name, before, call)                           \
  {                                                               \
    BEST(best, before, call)                                      \
    line(#name, (best > empty ? best - empty : 0) * 100 / CALLS); \
  }

static u8 *kept;
static u32 keptSize;

void EXPORT(proxy_abi_version_0_2_1)(void) {}
void EXPORT(proxy_on_context_create)(u32 context, u32 root) {}

// The configuration is there in this callback alone. Thrice, so that V8 has compiled it for good.
u32 EXPORT(proxy_on_configure)(u32 root, u32 configurationSize) {
  u8 *bytes;
  u32 size, number;
  for (u32 i = 0; i < 3; i++) {
    length = 0;
    BEST(empty, , )
    PRICE(proxy_get_buffer_bytes, proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, 16, &bytes, &size))
    PRICE(proxy_get_buffer_status, proxy_get_buffer_status(PLUGIN_CONFIGURATION, &size, &number))
  }
  configured = length;
  return 1;
}

u32 EXPORT(proxy_on_request_headers)(u32 context, u32 count, u32 endOfStream) {
  u8 *bytes;
  u32 size, number, counter, gauge, token;
  u64 wide;
  length = configured;
  BEST(empty, , )
  proxy_define_metric(COUNTER, "prices.counter", 14, &counter);
  proxy_define_metric(1, "prices.gauge", 12, &gauge);
  proxy_register_shared_queue("prices", 6, &token);
  proxy_set_shared_data("prices", 6, "0123456789abcdef", 16, 0);
  PRICE(proxy_log, proxy_log(0, "0123456789abcdef", 16))
  PRICE(proxy_get_log_level, proxy_get_log_level(&number))
  PRICE(proxy_get_status, proxy_get_status(&number, &bytes, &size))
  PRICE(proxy_get_property, proxy_get_property("request\0path", 12, &bytes, &size))
  PRICE(proxy_set_property, proxy_set_property("prices", 6, "0123456789abcdef", 16))
  PRICE(proxy_set_effective_context, proxy_set_effective_context(context))
  PRICE(proxy_get_header_map_value, proxy_get_header_map_value(REQUEST, "x-user", 6, &bytes, &size))
  PRICE(proxy_get_header_map_pairs, proxy_get_header_map_pairs(REQUEST, &bytes, &size))
  PRICE(proxy_get_header_map_size, proxy_get_header_map_size(REQUEST, &size))
  PRICE(proxy_replace_header_map_value, proxy_replace_header_map_value(REQUEST, "x-price", 7, "0123456789abcdef", 16))
  PRICE_AFTER(proxy_add_header_map_value, proxy_remove_header_map_value(REQUEST, "x-price", 7),
              proxy_add_header_map_value(REQUEST, "x-price", 7, "0123456789abcdef", 16))
  proxy_remove_header_map_value(REQUEST, "x-price", 7);
  PRICE(proxy_remove_header_map_value, proxy_remove_header_map_value(REQUEST, "x-price", 7))
  used = 0;
  proxy_get_header_map_pairs(REQUEST, &bytes, &size);
  kept = text + sizeof text - 2048;
  keptSize = size;
  for (u32 i = 0; i < size && i < 2048; i++) kept[i] = bytes[i];
  PRICE(proxy_set_header_map_pairs, proxy_set_header_map_pairs(REQUEST, kept, keptSize))
  PRICE(proxy_get_current_time_nanoseconds, proxy_get_current_time_nanoseconds(&wide))
  PRICE(proxy_set_tick_period_milliseconds, proxy_set_tick_period_milliseconds(60000))
  PRICE(proxy_define_metric, proxy_define_metric(COUNTER, "prices.counter", 14, &number))
  PRICE(proxy_increment_metric, proxy_increment_metric(counter, 1))
  PRICE(proxy_record_metric, proxy_record_metric(gauge, 1))
  PRICE(proxy_get_metric, proxy_get_metric(counter, &wide))
  PRICE(proxy_get_shared_data, proxy_get_shared_data("prices", 6, &bytes, &size, &number))
  PRICE(proxy_set_shared_data, proxy_set_shared_data("prices", 6, "0123456789abcdef", 16, 0))
  PRICE(proxy_resolve_shared_queue, proxy_resolve_shared_queue("", 0, "prices", 6, &number))
  PRICE(proxy_enqueue_shared_queue, proxy_enqueue_shared_queue(token, "0123456789abcdef", 16))
  PRICE(proxy_dequeue_shared_queue, proxy_dequeue_shared_queue(token, &bytes, &size))
  PRICE(proxy_call_foreign_function, proxy_call_foreign_function("clear_route_cache", 17, 0, 0, &bytes, &size))
  // One byte more: a long value in shared data against a short one.
  proxy_set_shared_data("long", 4, (const char *)text, 8192, 0);
  PRICE(byte, proxy_get_shared_data("long", 4, &bytes, &size, &number))
  proxy_send_local_response(200, "", 0, text, length, 0, 0, -1);
  return 1;
}
