// What filters ask of the host for the request of the benchmark, in plain C, and nothing else: the floor below which no module gets that makes the same
// hostcalls. A test holds each list to what the filter asks for.
//
//   clang --target=wasm32 -O3 -ffreestanding -nostdlib -Wl,--no-entry with
//   -DAUTHENTICATION (with -DNEW_TOKEN: of a token that is verified; its configuration is what `verify_signature` takes), -DTELEMETRY, -DMESH (the first five filters inside `mesh`), or -DMESH -DTELEMETRY (all six;
//   with -DFORWARDED: of a request that an upstream answers)

typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned char u8;

#define IMPORT_FROM(module, name) __attribute__((import_module(module), import_name(#name))) u32 name
#define IMPORT(name) IMPORT_FROM("env", name)
#define EXPORT(name) __attribute__((export_name(#name))) name

IMPORT(proxy_get_header_map_pairs)(u32 map, u8 **pairs, u32 *size);
IMPORT(proxy_get_header_map_value)(u32 map, const char *name, u32 nameSize, u8 **value, u32 *size);
IMPORT(proxy_replace_header_map_value)(u32 map, const char *name, u32 nameSize, const char *value, u32 size);
IMPORT(proxy_get_buffer_bytes)(u32 buffer, u32 start, u32 length, u8 **value, u32 *size);
IMPORT(proxy_call_foreign_function)(const char *name, u32 nameSize, const u8 *parameters, u32 length, u8 **value, u32 *size);
IMPORT(proxy_get_property)(const char *path, u32 pathSize, u8 **value, u32 *size);
IMPORT(proxy_set_property)(const char *path, u32 pathSize, const char *value, u32 size);
IMPORT(proxy_get_current_time_nanoseconds)(u64 *time);
IMPORT(proxy_define_metric)(u32 type, const char *name, u32 size, u32 *metric);
IMPORT(proxy_increment_metric)(u32 metric, long long offset);
IMPORT(proxy_record_metric)(u32 metric, u64 value);
IMPORT_FROM("wasi_snapshot_preview1", clock_time_get)(u32 clock, u64 precision, u64 *time);

enum { PLUGIN_CONFIGURATION = 7, REQUEST_HEADERS = 0, COUNTER = 0, HISTOGRAM = 2, MONOTONIC = 1 };

// The configuration stays, what the host allocates behind it lives until the next callback.
static u8 block[1 << 17] __attribute__((aligned(16)));
static u32 used, kept, counter, histogram;
static u8 *configuration;
static u32 configurationSize;

// What the hostcalls give.
static u8 *bytes;
static u32 size;

void *EXPORT(malloc)(unsigned long length) {
  u32 at = used;
  if (length > sizeof block - at) return 0;
  used = (at + length + 15) & ~15u;
  return block + at;
}

#define TEXT(literal) literal, sizeof(literal) - 1
#define PROPERTY(path) proxy_get_property(TEXT(path), &bytes, &size)
#define HEADER(name) proxy_get_header_map_value(REQUEST_HEADERS, TEXT(name), &bytes, &size)
#define COUNT() proxy_increment_metric(counter, 1)
#define RECORD(path) (PROPERTY(path), proxy_record_metric(histogram, size == 8 ? *(u64 *)bytes : 0))

void EXPORT(proxy_abi_version_0_2_1)(void) {}
void EXPORT(proxy_on_context_create)(u32 context, u32 root) {}
#ifndef AUTHENTICATION
void EXPORT(proxy_on_delete)(u32 context) {}
#endif

u32 EXPORT(proxy_on_configure)(u32 context, u32 length) {
  if (length > 0 && proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, length, &configuration, &configurationSize) != 0) return 0;
  kept = used;
  return proxy_define_metric(COUNTER, TEXT("floor"), &counter) == 0 && proxy_define_metric(HISTOGRAM, TEXT("floor_sizes"), &histogram) == 0;
}

#if defined(AUTHENTICATION) || defined(MESH)
// What is published is what the token says, seen before or not.
static void authenticate(void) {
  u64 now;
  proxy_get_header_map_pairs(REQUEST_HEADERS, &bytes, &size);
  proxy_get_current_time_nanoseconds(&now);
  COUNT();
#ifdef NEW_TOKEN
  proxy_call_foreign_function(TEXT("verify_signature"), configuration, configurationSize, &bytes, &size);
#endif
  COUNT();
  proxy_set_property(
      TEXT("meshwright.authentication"),
      TEXT("{\"principal\":\"https://issuer.example.com/f3a1c2d4-5b6e-4f70-8a9b-0c1d2e3f4a5b\",\"audiences\":[\"shop.example.com\"],\"presenter\":\"web\","
           "\"claims\":{\"iss\":\"https://issuer.example.com\",\"sub\":\"f3a1c2d4-5b6e-4f70-8a9b-0c1d2e3f4a5b\",\"aud\":\"shop.example.com\",\"azp\":\"web\","
           "\"iat\":1767225600,\"exp\":4102444800,\"scope\":\"openid profile email\",\"groups\":[\"staff\"],\"jti\":\"00000000\","
           "\"sid\":\"5a7e90c2d1b4f6835a7e90c2d1b4f6835a7e90c2d1b4f6835a7e90c2d1b4f6835a7e90c2\"}}"));
}
#endif

u32 EXPORT(proxy_on_request_headers)(u32 context, u32 count, u32 endOfStream) {
  used = kept;
#if defined(AUTHENTICATION) || defined(MESH)
  authenticate();
#endif
#ifdef MESH
  u64 now;
  PROPERTY("connection\0uri_san_peer_certificate");
  COUNT(); // authorization
  COUNT(); // routing
  proxy_replace_header_map_value(REQUEST_HEADERS, TEXT("x-meshwright-route"), TEXT("stable"));
  PROPERTY("source\0address"); // ratelimit
  clock_time_get(MONOTONIC, 0, &now);
  COUNT();
#endif
#if defined(TELEMETRY) && !defined(MESH)
  HEADER("content-type");
  PROPERTY("connection\0uri_san_peer_certificate");
  HEADER("x-envoy-peer-metadata");
  HEADER("x-envoy-peer-metadata-id");
#endif
  return 0;
}

#if defined(TELEMETRY) || defined(MESH)
u32 EXPORT(proxy_on_response_headers)(u32 context, u32 count, u32 endOfStream) { return 0; }

void EXPORT(proxy_on_log)(u32 context) {
  used = kept;
#ifdef TELEMETRY
  PROPERTY("connection\0uri_san_local_certificate");
  PROPERTY("response\0code");
  PROPERTY("response\0flags");
  PROPERTY("xds\0cluster_name");
#ifdef FORWARDED
  u64 now;
  clock_time_get(MONOTONIC, 0, &now);
#else
  PROPERTY("xds\0route_name");
#endif
  PROPERTY("request\0host");
  COUNT();
  RECORD("request\0duration");
  RECORD("request\0total_size");
  RECORD("response\0total_size");
#endif
}
#endif
