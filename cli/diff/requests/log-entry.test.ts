import { expect, test } from "vitest";
import { readLogEntry } from "./log-entry.ts";

/** As Istio's JSON log has it. */
const ENTRY = {
  authority: "reviews:9080",
  bytes_received: 0,
  downstream_local_address: "10.96.0.3:9080",
  downstream_remote_address: "10.0.0.9:41234",
  method: "GET",
  path: "/reviews/1?a=b",
  protocol: "HTTP/1.1",
  request_id: "4d0cd1f6",
  requested_server_name: null,
  response_code: 200,
  response_code_details: "via_upstream",
  response_flags: "-",
  start_time: "2026-01-31T12:00:00.000Z",
  upstream_cluster: "outbound|9080|v1|reviews.default.svc.cluster.local",
  user_agent: "curl/8",
  x_forwarded_for: null,
};
const read = (entry: object, direction?: "inbound" | "outbound", headers: Readonly<Record<string, string>> = {}) =>
  readLogEntry({ ...ENTRY, ...entry }, direction, new Map(Object.entries(headers)));

test("what a request was, without what only tells it from others", () => {
  expect(read({})).toEqual({
    request: {
      method: "GET",
      authority: "reviews:9080",
      path: "/reviews/1?a=b",
      headers: [["user-agent", "curl/8"]],
      source: { address: "10.0.0.9:0" },
      destination: { address: "10.96.0.3", port: 9080 },
    },
  });
});

test.each([
  ["what the service answered is what it answers", { response_code: 404 }, { response: { status: 404 } }],
  [
    "what Envoy answered is not",
    { response_code: 503, response_flags: "UF", response_code_details: "upstream_reset" },
    { response: undefined },
  ],
  ["HTTP/2", { protocol: "HTTP/2" }, { protocol: "h2" }],
  ["an upgrade", { response_code: 101 }, { protocol: "websocket" }],
  ["a name for TLS", { requested_server_name: "shop.test" }, { sni: "shop.test" }],
  [
    "addresses of IPv6",
    { downstream_remote_address: "[2001:db8::1]:9", downstream_local_address: "[2001:db8::2]:80" },
    { source: { address: "[2001:db8::1]:0" }, destination: { address: "2001:db8::2", port: 80 } },
  ],
  [
    "a client with a certificate",
    { downstream_peer_uri_san: "spiffe://a/ns/b/sa/c", requested_server_name: "outbound_.9080_._.a" },
    { sni: undefined, source: { principal: "spiffe://a/ns/b/sa/c" } },
  ],
  ["a field that is called as a header", { "end-user": "jason" }, { headers: expect.arrayContaining([["end-user", "jason"]]) as unknown }],
])("%s", (_, entry, request) => {
  const found = read(entry);
  expect("request" in found ? { response: undefined, sni: undefined, ...found.request } : found).toMatchObject(request);
});

test("headers under the names of other fields", () => {
  expect(read({ who: "jason" }, undefined, { who: "end-user" })).toMatchObject({
    request: {
      headers: [
        ["user-agent", "curl/8"],
        ["end-user", "jason"],
      ],
    },
  });
});

test("what is no request of this direction is passed over, and what cannot be known is said", () => {
  expect(read({}, "inbound")).toEqual({ skipped: "outbound" });
  expect(read({ upstream_cluster: "inbound|9080||" }, "outbound")).toEqual({ skipped: "inbound" });
  expect(read({ method: null, path: null })).toEqual({ skipped: "no HTTP" });
  expect(read({ requested_server_name: "outbound_.9080_._.reviews.default.svc.cluster.local" })).toMatchObject({
    error: expect.stringContaining("%DOWNSTREAM_PEER_URI_SAN%") as unknown,
  });
});
