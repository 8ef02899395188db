import type { HeaderMap } from "../header-map.ts";

// Envoy's retries as its own request headers ask for them (`x-envoy-retry-on` and the others; source/common/router/retry_state_impl.cc).

/** What ended an attempt. */
export type AttemptEnd =
  { readonly kind: "response"; readonly headers: HeaderMap } | { readonly kind: "reset" } | { readonly kind: "per-try-timeout" };

const GRPC_RETRY_ON: Readonly<Record<string, string>> = {
  cancelled: "1",
  "deadline-exceeded": "4",
  internal: "13",
  "resource-exhausted": "8",
  unavailable: "14",
};

export class RetryState {
  private readonly on: ReadonlySet<string>;
  private readonly grpcOn: ReadonlySet<string>;
  private readonly statusCodes: ReadonlySet<string>;
  private readonly headerNames: readonly string[];
  private left: number;
  private attempts = 0;
  /** Retries were asked for and none is left. */
  exhausted = false;

  /** Reads the headers and takes them out: the upstream does not see them. */
  constructor(headers: HeaderMap) {
    this.on = take(headers, "x-envoy-retry-on");
    this.grpcOn = take(headers, "x-envoy-retry-grpc-on");
    this.statusCodes = take(headers, "x-envoy-retriable-status-codes");
    this.headerNames = [...take(headers, "x-envoy-retriable-header-names")];
    const retries = headers.get("x-envoy-max-retries");
    headers.remove("x-envoy-max-retries");
    this.left = this.on.size + this.grpcOn.size === 0 ? 0 : retries !== undefined && /^\d+$/.test(retries) ? Number(retries) : 1;
  }

  /** Whether another attempt shall be made. */
  shouldRetry(end: AttemptEnd): boolean {
    if (!this.wants(end)) return false;
    if (this.left === 0) {
      this.exhausted = this.on.size + this.grpcOn.size > 0;
      return false;
    }
    this.left--;
    this.attempts++;
    return true;
  }

  /** Milliseconds before the next attempt: up to 25 for the first retry, twice as many for each further one, 250 at most. */
  backOff(draw: number): number {
    return Math.min(25 * 2 ** this.attempts - 25, 250) * draw;
  }

  private wants(end: AttemptEnd): boolean {
    const { on } = this;
    if (end.kind !== "response") return on.has("5xx") || on.has("gateway-error") || on.has("reset");
    // Another Envoy's answer: to ask again would make it worse.
    if (end.headers.has("x-envoy-ratelimited")) return on.has("envoy-ratelimited");
    const status = Number(end.headers.get(":status"));
    if (on.has("5xx") && status >= 500) return true;
    if (on.has("gateway-error") && status >= 502 && status <= 504) return true;
    if (on.has("retriable-4xx") && status === 409) return true;
    if (on.has("retriable-status-codes") && this.statusCodes.has(String(status))) return true;
    if (on.has("retriable-headers") && this.headerNames.some((name) => end.headers.has(name.toLowerCase()))) return true;
    const grpc = end.headers.get("grpc-status");
    return grpc !== undefined && [...this.grpcOn].some((name) => GRPC_RETRY_ON[name] === grpc);
  }
}

function take(headers: HeaderMap, name: string): ReadonlySet<string> {
  const value = headers.get(name);
  headers.remove(name);
  return new Set(
    value
      ?.split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "") ?? [],
  );
}
