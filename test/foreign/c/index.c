// A filter in plain C, without SDK and libc: the header job by default, and with the configuration `areas` more of the ABI (see ../README.md).
// One root context, as in most modules.

typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned char u8;

#define IMPORT(name) __attribute__((import_module("env"), import_name(#name))) u32 name
#define EXPORT(name) __attribute__((export_name(#name))) name

IMPORT(proxy_log)(u32 level, const char *text, u32 length);
IMPORT(proxy_get_buffer_bytes)(u32 buffer, u32 start, u32 maximum, u8 **bytes, u32 *size);
IMPORT(proxy_set_buffer_bytes)(u32 buffer, u32 start, u32 size, const u8 *bytes, u32 length);
IMPORT(proxy_get_header_map_value)(u32 map, const char *name, u32 nameLength, u8 **value, u32 *size);
IMPORT(proxy_replace_header_map_value)(u32 map, const char *name, u32 nameLength, const u8 *value, u32 valueLength);
IMPORT(proxy_add_header_map_value)(u32 map, const char *name, u32 nameLength, const u8 *value, u32 valueLength);
IMPORT(proxy_get_property)(const char *path, u32 length, u8 **value, u32 *size);
IMPORT(proxy_get_shared_data)(const char *key, u32 length, u8 **value, u32 *size, u32 *cas);
IMPORT(proxy_set_shared_data)(const char *key, u32 length, const u8 *value, u32 size, u32 cas);
IMPORT(proxy_define_metric)(u32 type, const char *name, u32 length, u32 *metric);
IMPORT(proxy_increment_metric)(u32 metric, u64 offset);
IMPORT(proxy_set_tick_period_milliseconds)(u32 period);
IMPORT(proxy_set_effective_context)(u32 context);
IMPORT(proxy_continue_stream)(u32 stream);
IMPORT(proxy_http_call)(const char *cluster, u32 clusterLength, const u8 *headers, u32 headersSize, const u8 *body, u32 bodySize,
                        const u8 *trailers, u32 trailersSize, u32 timeout, u32 *token);
IMPORT(proxy_send_local_response)(u32 status, const char *details, u32 detailsLength, const char *body, u32 bodyLength, const u8 *headers,
                                  u32 headersSize, u32 grpcStatus);

enum { OK = 0, INFO = 2, COUNTER = 0, CONTINUE = 0, PAUSE = 1 };
enum { REQUEST_HEADERS = 0, RESPONSE_HEADERS = 2, CALLOUT_HEADERS = 6 };
enum { REQUEST_BODY = 0, CALLOUT_BODY = 4, PLUGIN_CONFIGURATION = 7 };

#define TEXT(literal) literal, sizeof(literal) - 1
#define BYTES(literal) (const u8 *)literal, sizeof(literal) - 1

// Pairs of headers as the ABI has them: count, lengths, then the strings with a NUL each. wasm32 is little-endian, and so is the ABI.
static const u8 CALL[] = "\3\0\0\0" "\7\0\0\0\3\0\0\0" "\5\0\0\0\6\0\0\0" "\12\0\0\0\7\0\0\0" ":method\0GET\0" ":path\0/check\0" ":authority\0callout";
static const u8 DENIED[] = "\1\0\0\0" "\10\0\0\0\7\0\0\0" "x-denied\0foreign";
static const u8 NONE[4];

// What the host allocates lives until the next callback.
static u8 block[1 << 17] __attribute__((aligned(16)));
static u32 used;

void *EXPORT(malloc)(unsigned long size) {
  u32 at = used;
  if (size > sizeof block - at) return 0;
  used = (at + size + 15) & ~15u;
  return block + at;
}

static int areas;
static u32 requests, ticks;

// Callouts answer to the root; this says for which stream.
static struct { u32 token, context; } calls[64];

static int equals(const u8 *bytes, const char *text, u32 length) {
  for (u32 i = 0; i < length; i++)
    if (bytes[i] != (u8)text[i]) return 0;
  return 1;
}

static u32 decimal(u32 value, u8 text[10]) {
  u32 length = 0;
  for (u32 rest = value; length == 0 || rest > 0; rest /= 10) length++;
  for (u32 i = length; i > 0; value /= 10) text[--i] = '0' + value % 10;
  return length;
}

void EXPORT(proxy_abi_version_0_2_1)(void) {}
void EXPORT(proxy_on_context_create)(u32 context, u32 root) {}

u32 EXPORT(proxy_on_configure)(u32 root, u32 size) {
  used = 0;
  u8 *bytes;
  u32 length;
  if (size == 0) return 1;
  if (proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, &bytes, &length) != OK || length != 5 || !equals(bytes, "areas", 5)) return 0;
  areas = 1;
  return proxy_define_metric(COUNTER, TEXT("foreign.requests"), &requests) == OK && proxy_set_tick_period_milliseconds(20) == OK;
}

void EXPORT(proxy_on_tick)(u32 root) {
  u8 text[10];
  proxy_set_shared_data(TEXT("ticks"), text, decimal(++ticks, text), 0);
}

// Adds one under `count` and returns the new value.
static u32 count(void) {
  u32 next, length, cas, result;
  do {
    u8 *value, text[10];
    next = 0, cas = 0;
    if (proxy_get_shared_data(TEXT("count"), &value, &length, &cas) == OK)
      for (u32 i = 0; i < length; i++) next = next * 10 + value[i] - '0';
    result = proxy_set_shared_data(TEXT("count"), text, decimal(++next, text), cas);
  } while (result != OK);
  return next;
}

static u32 headerJob(void) {
  u8 *path, *user, *authorization;
  u32 pathLength, userLength, authorizationLength;
  int hasPath = proxy_get_header_map_value(REQUEST_HEADERS, TEXT(":path"), &path, &pathLength) == OK;
  int hasUser = proxy_get_header_map_value(REQUEST_HEADERS, TEXT("x-user"), &user, &userLength) == OK;
  proxy_get_header_map_value(REQUEST_HEADERS, TEXT("authorization"), &authorization, &authorizationLength);
  if (!hasPath || pathLength < 5 || !equals(path, "/api/", 5)) return CONTINUE;
  int beta = hasUser && userLength >= 5 && equals(user + userLength - 5, "-beta", 5);
  proxy_replace_header_map_value(REQUEST_HEADERS, TEXT("x-route"), (const u8 *)(beta ? "canary" : "stable"), 6);
  return CONTINUE;
}

u32 EXPORT(proxy_on_request_headers)(u32 context, u32 headers, u32 endOfStream) {
  used = 0;
  if (!areas) return headerJob();
  proxy_increment_metric(requests, 1);
  u8 text[10], *value;
  u32 length, cas, token;
  proxy_replace_header_map_value(REQUEST_HEADERS, TEXT("x-count"), text, decimal(count(), text));
  if (proxy_get_property(TEXT("plugin_name"), &value, &length) == OK)
    proxy_replace_header_map_value(REQUEST_HEADERS, TEXT("x-plugin"), value, length);
  if (proxy_get_shared_data(TEXT("ticks"), &value, &length, &cas) == OK)
    proxy_replace_header_map_value(REQUEST_HEADERS, TEXT("x-ticked"), BYTES("yes"));
  else
    proxy_replace_header_map_value(REQUEST_HEADERS, TEXT("x-ticked"), BYTES("no"));
  if (proxy_get_header_map_value(REQUEST_HEADERS, TEXT("x-deny"), &value, &length) == OK) {
    proxy_send_local_response(403, TEXT(""), TEXT("denied\n"), DENIED, sizeof DENIED, -1);
    return PAUSE;
  }
  if (proxy_get_header_map_value(REQUEST_HEADERS, TEXT("x-callout"), &value, &length) != OK) return CONTINUE;
  if (proxy_http_call(TEXT("callout"), CALL, sizeof CALL, 0, 0, NONE, sizeof NONE, 5000, &token) != OK) return CONTINUE;
  calls[token % 64].token = token;
  calls[token % 64].context = context;
  return PAUSE;
}

void EXPORT(proxy_on_http_call_response)(u32 root, u32 token, u32 headers, u32 bodySize, u32 trailers) {
  used = 0;
  u8 *status, *body;
  u32 statusLength = 0, bodyLength = 0;
  if (calls[token % 64].token != token || proxy_set_effective_context(calls[token % 64].context) != OK) return;
  proxy_get_header_map_value(CALLOUT_HEADERS, TEXT(":status"), &status, &statusLength);
  proxy_replace_header_map_value(REQUEST_HEADERS, TEXT("x-callout-status"), status, statusLength);
  if (bodySize > 0) proxy_get_buffer_bytes(CALLOUT_BODY, 0, bodySize, &body, &bodyLength);
  proxy_replace_header_map_value(REQUEST_HEADERS, TEXT("x-callout-body"), body, bodyLength);
  proxy_continue_stream(0);
}

u32 EXPORT(proxy_on_request_body)(u32 context, u32 size, u32 endOfStream) {
  used = 0;
  if (!areas) return CONTINUE;
  if (!endOfStream) return PAUSE;
  u8 *bytes;
  u32 length;
  if (proxy_get_buffer_bytes(REQUEST_BODY, 0, size, &bytes, &length) != OK) return CONTINUE;
  for (u32 i = 0; i < length; i++)
    if (bytes[i] >= 'a' && bytes[i] <= 'z') bytes[i] -= 'a' - 'A';
  proxy_set_buffer_bytes(REQUEST_BODY, 0, size, bytes, length);
  return CONTINUE;
}

u32 EXPORT(proxy_on_response_headers)(u32 context, u32 headers, u32 endOfStream) {
  if (areas) proxy_add_header_map_value(RESPONSE_HEADERS, TEXT("x-filter"), BYTES("foreign"));
  else proxy_add_header_map_value(RESPONSE_HEADERS, TEXT("x-filter"), BYTES("1"));
  return CONTINUE;
}

void EXPORT(proxy_on_log)(u32 context) {
  if (areas) proxy_log(INFO, TEXT("foreign: a stream ended"));
}
