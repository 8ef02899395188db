// Calls Envoy's `verify_signature` once for each request, with arguments that never change: what the verification itself costs a filter. They are the plugin's
// configuration, as the protobuf message that the function takes; without a configuration nothing is called.
//
//   clang --target=wasm32 -O3 -ffreestanding -nostdlib -Wl,--no-entry

typedef unsigned int u32;
typedef unsigned char u8;

#define IMPORT(name) __attribute__((import_module("env"), import_name(#name))) u32 name
#define EXPORT(name) __attribute__((export_name(#name))) name

IMPORT(proxy_get_buffer_bytes)(u32 buffer, u32 start, u32 length, u8 **bytes, u32 *size);
IMPORT(proxy_call_foreign_function)(const char *name, u32 nameLength, const u8 *bytes, u32 length, u8 **result, u32 *size);
IMPORT(proxy_send_local_response)
(u32 status, const char *details, u32 detailsLength, const u8 *body, u32 bodyLength, const u8 *headers, u32 headersLength, u32 grpcStatus);

enum { PLUGIN_CONFIGURATION = 7 };

// The configuration stays, what the host allocates behind it lives until the next callback.
static u8 block[1 << 16] __attribute__((aligned(16)));
static u32 used;
static u32 kept;
static u8 *arguments;
static u32 length;

void *EXPORT(malloc)(unsigned long size) {
  u32 at = used;
  if (size > sizeof block - at) return 0;
  used = (at + size + 15) & ~15u;
  return block + at;
}

void EXPORT(proxy_abi_version_0_2_1)(void) {}
void EXPORT(proxy_on_context_create)(u32 context, u32 root) {}

u32 EXPORT(proxy_on_configure)(u32 root, u32 size) {
  used = kept = length = 0;
  if (size > 0 && proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, &arguments, &length) != 0) return 0;
  kept = used;
  return 1;
}

u32 EXPORT(proxy_on_request_headers)(u32 context, u32 count, u32 endOfStream) {
  if (length == 0) return 0;
  used = kept;
  u8 *result;
  u32 size = 0;
  u32 status = proxy_call_foreign_function("verify_signature", 16, arguments, length, &result, &size);
  // VerifySignatureResult { bool result = 1 }.
  if (status == 0 && size == 2 && result[0] == 8 && result[1] == 1) return 0;
  proxy_send_local_response(500, 0, 0, 0, 0, 0, 0, -1);
  return 1;
}
