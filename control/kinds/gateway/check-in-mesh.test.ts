import { describe, expect, test } from "vitest";
import { identityOf } from "../../../harness/envoy/chain/certificates.ts";
import { problemsInMesh } from "../testing/in-mesh.ts";
import { gateway } from "./index.ts";

const document = (kind: string, name: string, body: object, more: object = {}) =>
  `---\n${JSON.stringify({ apiVersion: kind === "Gateway" || kind === "WorkloadEntry" ? "networking.istio.io/v1" : "v1", kind, metadata: { name, ...more }, ...body }, undefined, 1)}\n`;

interface Server {
  readonly port?: number;
  readonly protocol?: string;
  readonly name?: string;
  readonly bind?: string;
  readonly hosts?: readonly string[];
  readonly tls?: object;
}

function gatewayOf(
  name: string,
  servers: readonly Server[],
  more: { readonly namespace?: string; readonly selector?: object } = {},
): string {
  const { namespace = "default", selector = { app: "ingress" } } = more;
  const spec = {
    selector,
    servers: servers.map(({ port = 80, protocol = "HTTP", name: portName = "http", bind, hosts = ["a.test"], tls }) => ({
      port: { number: port, name: portName, protocol },
      hosts,
      ...(bind === undefined ? {} : { bind }),
      ...(tls === undefined ? {} : { tls }),
    })),
  };
  return document("Gateway", name, { spec }, { namespace });
}

const workload = (namespace = "default", labels: object = { app: "ingress" }) =>
  document("WorkloadEntry", "ingress-1", { spec: { address: "10.0.0.2", labels } }, { namespace });
const service = (ports: readonly object[]) =>
  document("Service", "ingress", { spec: { selector: { app: "ingress" }, clusterIP: "10.96.0.1", ports } });
const identity = identityOf("a.test");
const PAIR = { "tls.crt": identity.certificate, "tls.key": identity.key };
const secret = (name: string, stringData: object, namespace = "default") => document("Secret", name, { stringData }, { namespace });
const https = (tls: object, more: Server = {}): Server => ({ port: 443, protocol: "HTTPS", name: "https", tls, ...more });

/** Level, code, path and message of each problem; lines differ with the order of objects. */
const problems = (...yaml: readonly string[]) =>
  problemsInMesh(gateway, yaml.join("")).map((text) => text.replace(/^mesh\.yaml:\d+:\d+: /, ""));

test("a problem has the place of the field that it is about", () => {
  const yaml = gatewayOf("edge", [https({ mode: "SIMPLE", credentialName: "missing" })]);
  const line = yaml.split("\n").findIndex((each) => each.includes("credentialName")) + 1;
  expect(problemsInMesh(gateway, yaml)).toEqual([
    expect.stringMatching(new RegExp(`^mesh\\.yaml:${line}:\\d+: error IST0101 spec\\.servers`)),
  ]);
});

describe("workloads", () => {
  test("that a selector does not find are missed only where some are known", () => {
    const edge = gatewayOf("edge", [{}]);
    expect(problems(edge)).toEqual([]);
    expect(problems(edge, workload())).toEqual([]);
    expect(problems(edge, workload("other"))).toEqual([]);
    expect(problems(edge, workload("default", { app: "another" }))).toEqual([
      "warning IST0101 spec.selector: no workload has the labels app=ingress",
    ]);
    expect(problems(gatewayOf("edge", [{}], { selector: {} }), workload("default", { app: "another" }))).toEqual([]);
  });

  test("are not reached on a port that their Service does not have", () => {
    const edge = gatewayOf("edge", [
      { port: 80 },
      { port: 8080, name: "http-2" },
      { port: 9090, name: "http-3" },
      { port: 0, name: "socket", bind: "unix:///s" },
    ]);
    const ports = [
      { name: "http", port: 80, targetPort: 8080 },
      { name: "https", port: 443 },
    ];
    expect(problems(edge, workload(), service(ports))).toEqual([
      "warning IST0162 spec.servers[2].port.number: port 9090 is no port of the Service of the workloads with app=ingress; it is not reached through that Service",
    ]);
    expect(problems(edge, workload())).toEqual([]);
    expect(problems(edge, workload("other"), service(ports))).toEqual([]);
  });
});

describe("credentials", () => {
  const edge = (tls: object) => gatewayOf("edge", [https(tls)]);
  const simple = edge({ mode: "SIMPLE", credentialName: "cert" });

  test("that are there are good, wherever the proxies run", () => {
    expect(problems(simple, secret("cert", PAIR))).toEqual([]);
    expect(problems(simple, workload("edge"), secret("cert", PAIR, "edge"))).toEqual([]);
    expect(problems(edge({ mode: "SIMPLE", credentialName: "kubernetes://cert" }), secret("cert", PAIR))).toEqual([]);
  });

  test("that are not there, or in another namespace than the proxies", () => {
    const missing = "error IST0101 spec.servers[0].tls.credentialName: there is no Secret";
    expect(problems(simple)).toEqual([`${missing} default/cert`]);
    expect(problems(simple, secret("cert", PAIR, "other"))).toEqual([`${missing} default/cert`]);
    expect(problems(simple, workload("edge"), secret("cert", PAIR))).toEqual([`${missing} edge/cert`]);
    expect(problems(edge({ mode: "SIMPLE", credentialNames: ["cert", "ecdsa"] }), secret("cert", PAIR))).toEqual([
      "error IST0101 spec.servers[0].tls.credentialNames[1]: there is no Secret default/ecdsa",
    ]);
  });

  test("without a certificate", () => {
    expect(problems(simple, secret("cert", { "ca.crt": identity.authority }))).toEqual([
      "error IST0161 spec.servers[0].tls.credentialName: Secret default/cert has no certificate with a key (tls.crt, tls.key)",
    ]);
  });

  test.each(["MUTUAL", "OPTIONAL_MUTUAL"])("of %s need certificates to trust, beside them or apart", (mode) => {
    const mutual = edge({ mode, credentialName: "cert" });
    const ca = { "ca.crt": identity.authority };
    expect(problems(mutual, secret("cert", PAIR))).toEqual([
      `error IST0101 spec.servers[0].tls.credentialName: mode ${mode} needs ca.crt in Secret default/cert or in cert-cacert`,
    ]);
    expect(problems(mutual, secret("cert", { ...PAIR, ...ca }))).toEqual([]);
    expect(problems(mutual, secret("cert", PAIR), secret("cert-cacert", ca))).toEqual([]);
    expect(problems(mutual, secret("cert", PAIR), secret("cert-cacert", PAIR))).toEqual([]);
    const apart = edge({ mode, credentialName: "cert", caCertCredentialName: "clients" });
    expect(problems(apart, secret("cert", PAIR), secret("clients", ca))).toEqual([]);
    expect(problems(apart, secret("cert", PAIR))).toEqual([
      "error IST0101 spec.servers[0].tls.caCertCredentialName: there is no Secret default/clients with certificates to trust (ca.crt)",
    ]);
  });
});

describe("two gateways", () => {
  const conflict = (name: string, port: number, hosts: string) =>
    `error IST0145 spec.servers[0]: Gateway ${name} has the same hosts on port ${port}: ${hosts}; the older one gets them`;

  test("of the same proxies with the same host on a port", () => {
    expect(problems(gatewayOf("a", [{}]), gatewayOf("b", [{}]))).toEqual([
      conflict("default/b", 80, "a.test"),
      conflict("default/a", 80, "a.test"),
    ]);
  });

  test.each<[what: string, a: Server, b: Server, more?: { readonly namespace?: string; readonly selector?: object }]>([
    ["other hosts", {}, { hosts: ["b.test"] }],
    ["another port", {}, { port: 81 }],
    ["another address", { bind: "10.0.0.1" }, { bind: "10.0.0.2" }],
    ["other proxies", {}, {}, { selector: { app: "another" } }],
    ["a host of VirtualServices of another namespace", { hosts: ["x/a.test"] }, { hosts: ["y/a.test"] }],
    ["a host of its own namespace alone", { hosts: ["./a.test"] }, { hosts: ["./a.test"] }, { namespace: "other" }],
    ["a wildcard over the host", { hosts: ["*.test"] }, {}],
  ])("that are not in each other's way: %s", (_what, a, b, more) => {
    expect(problems(gatewayOf("a", [a]), gatewayOf("b", [b], more))).toEqual([]);
  });

  test("whose selectors meet, or that both are for every gateway's proxies", () => {
    const narrow = { selector: { app: "ingress", zone: "a" } };
    expect(problems(gatewayOf("a", [{}]), gatewayOf("b", [{}], narrow))).toHaveLength(2);
    expect(problems(gatewayOf("a", [{}], { selector: {} }), gatewayOf("b", [{}]))).toHaveLength(2);
  });

  test("with hosts of a namespace and of any", () => {
    expect(problems(gatewayOf("a", [{ hosts: ["*/a.test"] }]), gatewayOf("b", [{ hosts: ["x/a.test"] }]))).toHaveLength(2);
  });

  test("with plain HTTP and bytes on a port, of which one cannot be served", () => {
    expect(problems(gatewayOf("a", [{}]), gatewayOf("b", [{ protocol: "TCP", hosts: ["b.test"] }]))).toEqual([
      "error IST0145 spec.servers[0]: Gateway default/b speaks TCP on port 80, and this server HTTP: they cannot share it; the older one gets it",
      "error IST0145 spec.servers[0]: Gateway default/a speaks HTTP on port 80, and this server TCP: they cannot share it; the older one gets it",
    ]);
    expect(problems(gatewayOf("a", [{}]), gatewayOf("b", [{ protocol: "GRPC", hosts: ["b.test"] }]))).toEqual([]);
    expect(
      problems(
        gatewayOf("a", [https({ mode: "PASSTHROUGH" })]),
        gatewayOf("b", [https({ mode: "PASSTHROUGH" }, { protocol: "TLS", hosts: ["b.test"] })]),
      ),
    ).toEqual([]);
  });

  test("with bytes on a port, which nothing tells apart", () => {
    const bytes = (host: string): Server => ({ protocol: "TCP", hosts: [host] });
    expect(problems(gatewayOf("a", [bytes("a.test")]), gatewayOf("b", [bytes("b.test")]))).toHaveLength(2);
  });

  test("with a certificate for both, which browsers take one connection for", () => {
    const tls = { mode: "SIMPLE", credentialName: "cert" };
    const other = https(tls, { hosts: ["b.test"], name: "https-b" });
    expect(problems(secret("cert", PAIR), gatewayOf("a", [https(tls)]), gatewayOf("b", [other]))).toEqual([
      'warning IST0138 spec.servers[0].tls.credentialName: Gateway default/b has certificate "cert" too; browsers may reuse a connection of the other and get 404',
      'warning IST0138 spec.servers[0].tls.credentialName: Gateway default/a has certificate "cert" too; browsers may reuse a connection of the other and get 404',
    ]);
  });
});

describe("two servers of a gateway", () => {
  test("that share a port", () => {
    const passthrough = https({ mode: "PASSTHROUGH" });
    expect(problems(gatewayOf("a", [{}, { name: "http-2" }]))).toEqual([]);
    expect(problems(gatewayOf("a", [passthrough, { ...passthrough, name: "https-2", hosts: ["b.test"] }]))).toEqual([]);
    expect(problems(gatewayOf("a", [passthrough, { ...passthrough, name: "https-2" }]))).toEqual([
      "error IST0145 spec.servers[1]: server 0 of this gateway has the same hosts on port 443: a.test; the earlier one gets them",
    ]);
  });

  test("that cannot", () => {
    expect(
      problems(gatewayOf("a", [{}, { protocol: "MONGO", name: "mongo" }, { protocol: "MONGO", name: "apart", bind: "10.0.0.1" }])),
    ).toEqual([
      "error IST0145 spec.servers[1]: server 0 of this gateway speaks HTTP on port 80, and this one MONGO: they cannot share it; the earlier one gets it",
    ]);
  });
});
