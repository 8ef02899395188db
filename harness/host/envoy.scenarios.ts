import { describe } from "vitest";
import type { ChainSpec, ExchangeRequest, FilterSpec } from "../target/index.ts";
import { scenario } from "../vitest.ts";
import { scriptedFilter } from "./testing/scripted-filter.ts";
import { lines } from "./testing/scripted-host.ts";

// The same script in the in-process host and in Envoy: results, metrics and all that the filter logged of its hostcalls must be equal.

type Case = readonly [
  title: string,
  script: string,
  requests?: readonly ExchangeRequest[],
  chain?: Omit<ChainSpec, "filters">,
  filter?: Partial<FilterSpec>,
];

/** The requests of a case are sent in order; the default is one GET of `/x?y=1`. */
function play([title, script, requests = [{ path: "/x?y=1" }], chain = {}, filter = {}]: Case): void {
  const spec = async (): Promise<ChainSpec> => ({
    ...chain,
    filters: [{ name: "scripted", module: await scriptedFilter(), configuration: lines(script), ...filter }],
  });
  scenario(title, { chain: spec }, async (run) => {
    for (const request of requests) await run.send(request);
  });
}

const post = (body: string, more: Partial<ExchangeRequest> = {}): ExchangeRequest => ({ path: "/", method: "POST", body, ...more });

/** O(1) headers of a response and some that are none: a second value joins the first, or stands apart. */
const RESPONSE_HEADERS = [
  "content-type",
  "etag",
  "vary",
  "set-cookie",
  "cache-control",
  "age",
  "location",
  "www-authenticate",
  "x-r",
  "access-control-max-age",
];
const REQUEST_HEADERS = [
  "accept",
  "authorization",
  "cookie",
  "origin",
  "referer",
  "if-match",
  "x-a",
  "user-agent",
  "x-forwarded-host",
  "accept-language",
];

describe("headers", () => {
  const twice = (callback: string, map: number, names: readonly string[]) =>
    names.flatMap((name) => [`${callback}: add ${map} ${name} 1`, `${callback}: add ${map} ${name} 2`]).join("\n");
  play(["that are added twice in a request", twice("request_headers", 0, REQUEST_HEADERS)]);
  play(["that are added twice in a response", twice("response_headers", 2, RESPONSE_HEADERS)]);
  play([
    "are read, replaced and removed",
    `request_headers: set 0 x-a 9
    request_headers: set 0 host changed
    request_headers: get 0 host
    request_headers: get 0 X-UP
    request_headers: remove 0 x-z
    request_headers: pairs 0
    request_headers: size 0
    request_headers: get 2 x
    request_headers: pairs 2
    request_headers: get 1 x
    request_headers: add 2 a b
    response_headers: get 0 x
    response_headers: pairs 0
    log: get 2 nope
    log: get 0 :path
    log: pairs 3
    log: pairs 1
    log: add 0 a b`,
    [
      {
        path: "/x",
        headers: [
          ["X-Up", "1"],
          ["x-a", "1"],
          ["x-z", "2"],
          ["x-a", "3"],
        ],
      },
    ],
  ]);
  play([
    "are replaced as a whole",
    "request_headers: setpairs 0 :path /n :method GET :authority q :scheme http x-forwarded-proto http X-Up 1\nresponse_headers: setpairs 2 :status 202 q w",
  ]);
  play(["are wiped by malformed pairs of a request", "request_headers: badpairs 0"]);
  play(["are wiped by malformed pairs of a response", "response_headers: badpairs 2"]);
  for (const name of [":path", ":method", "x-forwarded-proto"]) play([`without ${name}`, `request_headers: remove 0 ${name}`]);
  play(["without :status", "response_headers: remove 2 :status"]);
  play(["with a :status that is no number", "response_headers: set 2 :status abc\nlog: prop response.code_details"]);
  play(["with CONNECT", "request_headers: set 0 :method CONNECT\nlog: prop response.code_details\nlog: prop response.flags"]);
  play(["with an upgrade in a response", "response_headers: set 2 upgrade websocket\nresponse_headers: set 2 connection upgrade"]);
  play([
    "that are set to odd values in a request",
    [
      ":scheme ftp",
      ":authority other:80",
      "connection close",
      "te gzip",
      ":protocol websocket",
      "x-forwarded-proto https",
      "upgrade websocket",
    ]
      .map((words) => `request_headers: set 0 ${words}`)
      .join("\n"),
  ]);
  play([
    "that are set to odd values in a response",
    [":status 999", "transfer-encoding chunked", "connection x", "server mine", "date mine", "x-envoy-upstream-service-time 9"]
      .map((words) => `response_headers: set 2 ${words}`)
      .join("\n"),
  ]);
});

describe("properties", () => {
  const paths = (callback: string, names: string) =>
    names
      .split(" ")
      .map((name) => `${callback}: prop ${name}`)
      .join("\n");
  const request =
    "request.path request.url_path request.query request.host request.scheme request.method request.headers.x-dup request.useragent request.id request.protocol request.size request.duration request.referer";
  const absent =
    "request response connection source upstream xds filter_state nope upstream.address response.code response.flags response.code_details response.size route_name node.id";
  const connection =
    "source.address destination.address destination.port connection.mtls connection.requested_server_name connection.tls_version connection.subject_peer_certificate connection.termination_details";
  const xds =
    "xds.route_name xds.cluster_name xds.virtual_host_name plugin_name plugin_root_id metadata.filter_metadata.x filter_state.x upstream.request_attempt_count";
  const headers: ExchangeRequest["headers"] = [
    ["x-dup", "1"],
    ["x-dup", "2"],
    ["user-agent", "ua"],
  ];
  play(["at request headers", paths("request_headers", `${request} ${absent} ${connection} ${xds}`), [{ path: "/x/y?q=1&r", headers }]]);
  const response =
    "response.code response.code_details response.flags request.path request.method response.headers.x-r upstream.request_attempt_count xds.cluster_name xds.route_name response.grpc_status";
  play([
    "at response headers, in on_log and on_done",
    `${paths("response_headers", response)}\n${paths("log", `${response} request.size response.size upstream.transport_failure_reason`)}\n${paths("done", "response.code request.path")}`,
    [post("hello", { response: { headers: [["x-r", "1"]], body: "abc" } })],
  ]);
  play([
    "that the filter sets",
    `request_headers: setprop foo bar
    request_headers: prop foo
    request_headers: prop filter_state.wasm%2Efoo
    request_headers: setprop a.b c
    request_headers: prop a.b
    response_headers: prop foo
    log: prop foo`,
  ]);
});

describe("answers without a body", () => {
  const seen = "response_headers: log 2 headers\nresponse_headers_end: log 2 end\nresponse_body: log 2 body\nlog: prop response.size";
  play([
    "to HEAD",
    seen,
    (["http/1.1", "h2"] as const).map((protocol) => ({
      path: "/",
      method: "HEAD",
      protocol,
      response: { headers: [["content-length", "5"]] },
    })),
  ]);
  play([
    "by their status",
    seen,
    [204, 304].flatMap((status) => (["http/1.1", "h2"] as const).map((protocol) => ({ path: "/", protocol, response: { status } }))),
  ]);
  play(["of gRPC, trailers alone", seen, [{ path: "/s/m", protocol: "grpc", body: "q", response: { headers: [["grpc-status", "7"]] } }]]);
});

describe("local responses", () => {
  play([
    "with headers, details and a body",
    "request_headers: respond 403 my+details denied 4294967295 x-l 1 content-type text/html\nresponse_headers: set 2 x-resp 1\nlog: prop response.code_details",
  ]);
  play(["without a body", "request_headers: respond 200 ok  4294967295"]);
  play([
    "twice",
    "request_headers: respond 403 a no 4294967295\nrequest_headers: respond 404 b no2 4294967295 x 1",
    [{ path: "/" }, { path: "/", method: "HEAD" }],
  ]);
  play([
    "in place of a response",
    "response_headers: respond 500 late body 4294967295 x-l 1",
    [{ path: "/", response: { body: "abc", headers: [["x-u", "1"]] } }],
  ]);
  play(["from a request's body", "request_body: respond 400 nobody nope 4294967295", [post("abc")]]);
  for (const [status, grpcStatus] of [
    [403, "4294967295"],
    [429, "8"],
    [401, "4294967295"],
    [500, "4294967295"],
  ] as const) {
    play([
      `to gRPC, ${status} as ${grpcStatus}`,
      `request_headers: respond ${status} d denied+%+x ${grpcStatus} x-a 1`,
      [{ path: "/s/m", protocol: "grpc", body: "q" }],
    ]);
  }
});

describe("bodies", () => {
  play(["are seen", "request_body_end: body 0 0 100\nresponse_body_end: body 1 0 100", [post("abc", { response: { body: "xyz" } })]]);
  play([
    "are buffered and changed at both ends",
    `request_headers: remove 0 content-length
    request_body_more: return 1
    request_body_end: body 0 0 100
    request_body_end: setbody 0 0 3 XX
    request_body_end: setbody 0 100 0 END
    request_body_end: setbody 0 2 1 no
    response_headers: remove 2 content-length
    response_body_more: return 1
    response_body_end: setbody 1 0 100 replaced`,
    [post("abcdef", { response: { body: "xyz" } })],
  ]);
  play(["are dropped", "request_headers: remove 0 content-length\nrequest_body_more: return 3", [post("abcdef")]]);
  play([
    "wait for a paused request",
    "create: tick 30\nrequest_headers: return 1\ntick: effective\ntick: continue 0\ntick: tick 0",
    [post("abcdef"), { path: "/" }],
  ]);
  play(["over the limit", "request_body: return 1", [post("x".repeat(1024 * 1024 + 100))]]);
});

describe("metrics and shared data", () => {
  const all = (commands: readonly string[]) => commands.map((command) => `request_headers: ${command}`).join("\n");
  play([
    "metrics",
    all([
      "define 0 mc",
      "define 1 mg",
      "define 2 mh",
      "define 3 mx",
      "increment mc 0",
      "increment mc -1",
      "increment mc 3",
      "increment mg -5",
      "record mg 7",
      "metric mg",
      "record mc 5",
      "metric mc",
      "record mh 5",
      "metric mh",
      "metric 9999",
    ]),
  ]);
  play(["shared data", all(["load none", "store k v 0", "load k", "store k w 1", "store k x 77777", "store n y 77777", "load n"])]);
  play([
    "queues",
    `${all(["resolve - q", "register q", "dequeue 99", "enqueue 99 a", "enqueue 1 hello", "dequeue 1", "dequeue 1"])}`,
    [{ path: "/" }, { path: "/" }],
  ]);
  play([
    "foreign functions and bad arguments",
    all([
      "effective 99999",
      "done",
      "continue 5",
      "close 9",
      "foreign nope",
      "foreign clear_route_cache",
      "foreign uncompress 00",
      "foreign verify_signature 00",
      "foreign declare_property 0a0161",
      "foreign declare_property 0a0161",
      "level",
    ]),
  ]);
});

describe("failures", () => {
  play(["a trap in the request", "request_headers: log 2 a\nrequest_headers: trap", [{ path: "/" }, { path: "/" }]]);
  play(["a trap in the response", "response_headers: trap", [{ path: "/" }, { path: "/" }]]);
  play(["a trap under FAIL_OPEN", "request_body: trap", [{ path: "/" }, post("x"), { path: "/" }], {}, { failurePolicy: "FAIL_OPEN" }]);
  play(["a trap in the log", "log: trap", [{ path: "/" }, { path: "/" }]]);
  play(["a closed request", "request_headers: close 0\nlog: prop response.code_details"]);
});

describe("routes", () => {
  play([
    "follow a change of headers, the properties do not",
    "request_headers: set 0 x-route b\nrequest_headers: prop xds.route_name\nrequest_headers: prop xds.cluster_name\nresponse_headers: prop xds.route_name",
    [{ path: "/" }],
    {
      routes: [
        {
          name: "b",
          match: { prefix: "/", headers: [{ name: "x-route", exact: "b" }] },
          cluster: "other",
          requestHeadersToRemove: ["x-route"],
        },
        { name: "a", match: { prefix: "/" }, cluster: "upstream" },
      ],
    },
  ]);
  play([
    "to a header's cluster, a direct response, nowhere",
    "",
    [
      { path: "/c", headers: [["x-c", "upstream"]] },
      { path: "/c" },
      { path: "/c", headers: [["x-c", "no"]] },
      { path: "/d" },
      { path: "/e?f", method: "HEAD" },
      { path: "/x" },
    ],
    {
      routes: [
        { name: "c", match: { prefix: "/c" }, clusterHeader: "x-c" },
        { name: "d", match: { path: "/d" }, directResponse: { status: 302 } },
        { name: "e", match: { path: "/e" }, directResponse: { status: 201, body: "made" } },
      ],
      clusters: ["upstream"],
    },
  ]);
});

describe("what Envoy does around a chain", () => {
  play([
    "schemes, with and without TLS",
    "request_headers: get 0 :scheme\nrequest_headers: get 0 x-forwarded-proto",
    [
      { path: "/" },
      { path: "/", protocol: "h2" },
      { path: "/", scheme: "https" },
      { path: "/", scheme: "https", protocol: "h2" },
      { path: "/", sni: "a.example.com" },
      { path: "/", sni: "a.example.com", protocol: "grpc", body: "x" },
      { path: "/", scheme: "HTTPS", protocol: "h2" },
      { path: "/", scheme: "http", source: { principal: "spiffe://cluster.local/ns/a/sa/b" } },
      { path: "/", scheme: "http", source: { principal: "spiffe://cluster.local/ns/a/sa/b" }, protocol: "h2" },
    ],
  ]);
  play([
    "refusals",
    "log: prop response.code",
    [
      { path: "/a#b" },
      { path: "/a/../b/%2e/c//d%41?e=../f" },
      { path: "/", headers: Array.from({ length: 120 }, (_, i) => [`h${i}`, "1"] as const) },
      { path: "/", headers: [["x", "a".repeat(70_000)]] },
    ],
  ]);
  play([
    "upstreams that fail",
    "",
    [
      { path: "/", response: { reset: "before-headers" } },
      { path: "/", response: { status: 503, body: "no" } },
    ],
  ]);
  play([
    "timeouts that a filter sets",
    "request_headers: set 0 x-envoy-upstream-rq-timeout-ms 200",
    [{ path: "/", response: { delay: 1_000 } }, { path: "/" }],
  ]);
  play([
    "protocols",
    "request_headers: prop request.protocol\nresponse_headers: add 2 x-r 1",
    [
      { path: "/", protocol: "h2", method: "POST", body: "abc", response: { body: "def" } },
      { path: "/s/m", protocol: "grpc", body: "ping", response: { body: "pong" } },
      { path: "/ws", protocol: "websocket", body: "hello" },
      { path: "/", protocol: "h2", method: "POST", body: "abc", trailers: [["t", "1"]], response: { body: "x", trailers: [["u", "2"]] } },
    ],
  ]);
  play([
    "addresses",
    "request_headers: prop source.address\nrequest_headers: prop destination.port",
    [
      {
        path: "/",
        source: { address: "203.0.113.9:4321" },
        destination: { address: "127.0.0.1", port: 8080 },
        headers: [
          ["x-forwarded-for", "9.9.9.9"],
          ["x-forwarded-proto", "https"],
          ["x-envoy-max-retries", "3"],
        ],
      },
    ],
  ]);
});
