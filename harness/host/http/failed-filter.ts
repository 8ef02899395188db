import type { FilterCallbacks, HeadersStatus, HttpFilter } from "./filter.ts";

/** Stands in for a filter whose VM is dead and must not be passed: every request gets 503, `wasm_fail_stream`. */
export class FailedFilter implements HttpFilter {
  readonly name: string;
  private callbacks: FilterCallbacks | undefined;

  constructor(name: string) {
    this.name = name;
  }

  setCallbacks(decoder: FilterCallbacks): void {
    this.callbacks = decoder;
  }

  decodeHeaders(): HeadersStatus {
    this.callbacks?.sendLocalReply({ status: 503, details: "wasm_fail_stream", body: new Uint8Array(0), headers: [], grpcStatus: 14 });
    return "stop-all-and-watermark";
  }

  decodeData(): "stop-no-buffer" {
    return "stop-no-buffer";
  }

  decodeTrailers(): "stop-iteration" {
    return "stop-iteration";
  }

  encodeHeaders(): "continue" {
    return "continue";
  }

  encodeData(): "continue" {
    return "continue";
  }

  encodeTrailers(): "continue" {
    return "continue";
  }

  log(): void {}

  onDestroy(): void {}
}
