// Does nothing: what it costs that there is a wasm filter at all.
//
//   clang --target=wasm32 -O3 -ffreestanding -nostdlib -Wl,--no-entry

#define EXPORT(name) __attribute__((export_name(#name))) name

static unsigned char block[16];

void *EXPORT(malloc)(unsigned long size) { return size <= sizeof block ? block : 0; }
void EXPORT(proxy_abi_version_0_2_1)(void) {}
void EXPORT(proxy_on_context_create)(unsigned context, unsigned root) {}
unsigned EXPORT(proxy_on_request_headers)(unsigned context, unsigned count, unsigned endOfStream) { return 0; }
unsigned EXPORT(proxy_on_response_headers)(unsigned context, unsigned count, unsigned endOfStream) { return 0; }
