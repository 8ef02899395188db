import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { XDS_TYPES } from "../index.ts";
import { type Connection, freePort, httpRequest, RunningProxy } from "../testing/running-proxy.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";
import { answering, Answers, answerTo, decision, DELIVERIES, entry, kubernetes } from "./testing/answers.ts";

const SEED = 20261121;
const STRANGER = "stranger";

/** Domains of virtual hosts, by the VirtualService that answers for them. */
type Domains = Readonly<Record<string, readonly string[]>>;

/** Those that Istio gives the sidecar on the port. */
const DOMAINS: Domains = {
  reviews: [
    "reviews.default.svc.cluster.local",
    "reviews.default.svc.cluster.local.",
    "reviews.default.svc",
    "reviews.default",
    "reviews",
    "10.96.0.1",
    "[fd00::1]",
  ],
  prod: [
    "reviews.prod.svc.cluster.local",
    "reviews.prod.svc.cluster.local.",
    "reviews.prod.svc",
    "reviews.prod",
    "*.reviews.prod.svc.cluster.local",
    "*.reviews.prod.svc.cluster.local.",
    "*.reviews.prod.svc",
    "*.reviews.prod",
  ],
  exact: ["a.example.com", "a.example.com."],
  wild: ["*.example.com", "*.example.com."],
  longer: ["*.b.example.com", "*.b.example.com."],
  solo: ["solo.test"],
  alone: ["*.alone.test"],
};

/** Whose a host is, as Envoy finds virtual hosts in one list of all: the exact domain, else the longest wildcard (`ignore_port_in_host_matching`). */
function ownerOf(all: Domains, written: string): string | undefined {
  const colon = written.lastIndexOf(":");
  const host = (colon >= 0 && written.lastIndexOf("]") < colon ? written.slice(0, colon) : written).toLowerCase();
  let best: { readonly name?: string; readonly length: number } = { length: 0 };
  for (const [name, domains] of Object.entries(all)) {
    for (const domain of domains) {
      if (domain === host) return name;
      const suffix = domain.slice(1);
      const fits = domain.startsWith("*") && host.length > suffix.length && host.endsWith(suffix);
      if (fits && suffix.length > best.length) best = { name, length: suffix.length };
    }
  }
  return best.name;
}

const KNOWN = Object.values(DOMAINS)
  .flat()
  .map((domain) => domain.replace("*", "x"));
const piece = fc.oneof(
  fc.constantFrom(...KNOWN),
  fc.constantFrom("reviews", "default", "svc", "cluster.local", "example.com", "b", "prod", "10.96.0.1"),
);
const mutation = fc.oneof(
  fc.constant((host: string) => host),
  fc.constant((host: string) => host.toUpperCase()),
  fc.nat().map((at) => (host: string) => host.replace(host.charAt(at % host.length), (letter) => letter.toUpperCase())),
  fc.constantFrom(":80", ":", ":x", ":80:90", ".", "..", ".:80", "]", "_").map((end) => (host: string) => host + end),
  fc.constantFrom("a.", ".", "*.", "x.y.", "user@", "[", "%61", "-").map((begin) => (host: string) => begin + host),
  fc.nat().map((at) => (host: string) => host.slice(0, at % host.length) + host.slice((at % host.length) + 1)),
  fc.tuple(fc.nat(), fc.constantFrom(".", ":", "*", "a", "-", "_")).map(
    ([at, letter]) =>
      (host: string) =>
        host.slice(0, at % host.length) + letter + host.slice(at % host.length),
  ),
  piece.map((more) => (host: string) => `${host}.${more}`),
);
const anyHost = fc
  .tuple(piece, fc.array(mutation, { maxLength: 3 }))
  .map(([host, mutations]) => mutations.reduce((mutated, mutate) => (mutated === "" ? mutated : mutate(mutated)), host));

let answers: Answers;
let proxies: readonly RunningProxy[] = [];

beforeAll(async () => {
  answers = await Answers.start([STRANGER]);
  const port = answers.port(STRANGER);
  const http = `ports: [{ name: http, port: ${port} }]`;
  const yaml = `
${kubernetes("reviews", "default", `clusterIPs: [10.96.0.1, "fd00::1"], ${http}`, 1)}
${kubernetes("reviews", "prod", `clusterIP: None, ${http}`, 1)}
${entry("hosts", ["a.example.com", "*.example.com", "*.b.example.com", "beside.test"], port, 1)}
${answering("reviews", ["reviews"])}
${answering("prod", ["reviews.prod.svc.cluster.local"])}
${answering("exact", ["a.example.com"])}
${answering("wild", ["*.example.com"])}
${answering("longer", ["*.b.example.com"])}
${answering("solo", ["solo.test", "beside.test"])}
${answering("alone", ["*.alone.test", "beside.test"])}
`;
  const start = ([, metadata]: (typeof DELIVERIES)[number]) =>
    RunningProxy.start({ view: viewOfYaml(yaml, { metadata }), types: XDS_TYPES });
  proxies = await Promise.all(DELIVERIES.map(start));
  expect(proxies.flatMap((proxy) => proxy.refusals())).toEqual([]);
});
afterAll(async () => {
  for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
  await answers?.[Symbol.asyncDispose]();
});

/** Hosts for which some proxy decides otherwise than Istio's would; `unknown` is what becomes of those that nobody has. */
async function wrong(domains: Domains, unknown: string, places: readonly Connection[]): Promise<readonly string[]> {
  const all: string[] = [];
  for (const host of fc.sample(anyHost, { numRuns: 600, seed: SEED })) {
    const found: string[] = [];
    for (const place of places) found.push(decision(await answerTo(place, httpRequest(host))));
    // What is no host at all Envoy refuses by itself.
    const expected = found[0] === "400 Bad Request" ? "400 Bad Request" : (ownerOf(domains, host) ?? unknown);
    if (found.some((each) => each !== expected)) all.push(`${host}: ${found.join(" and ")}, not ${expected}`);
  }
  return all;
}

test(`any host, seed ${SEED}, is whose Istio says it is, however its routes came`, async () => {
  const places = proxies.map((proxy) => proxy.connection("outbound", `127.0.0.1:${answers.port(STRANGER)}`));
  expect(await wrong(DOMAINS, STRANGER, places)).toEqual([]);
}, 60_000);

test(`so is any host of a gateway, seed ${SEED}`, async () => {
  const domains: Domains = {
    reviews: ["reviews.default.svc.cluster.local"],
    wild: ["*.example.com"],
    exact: ["a.example.com"],
    longer: ["*.b.example.com"],
    alone: ["*.alone.test"],
  };
  const nodeId = "router~10.0.0.2~ingress-1.default~default.svc.cluster.local";
  const start = async ([, metadata]: (typeof DELIVERIES)[number]) => {
    const port = await freePort();
    const yaml = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec: { selector: { app: ingress }, servers: [{ port: { number: ${port}, name: http, protocol: HTTP }, hosts: ["*"] }] }
${Object.entries(domains)
  .map(([name, hosts]) => answering(name, hosts, { gateways: ["edge"] }))
  .join("")}`;
    const view = viewOfYaml(yaml, { nodeId, metadata: { ...metadata, LABELS: { app: "ingress" } } });
    return { port, proxy: await RunningProxy.start({ view, types: XDS_TYPES, nodeId }) };
  };
  const gateways = await Promise.all(DELIVERIES.map(start));
  try {
    expect(gateways.flatMap(({ proxy }) => proxy.refusals())).toEqual([]);
    expect(await wrong(domains, "404", gateways)).toEqual([]);
  } finally {
    for (const { proxy } of gateways) await proxy[Symbol.asyncDispose]();
  }
}, 60_000);
