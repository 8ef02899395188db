import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { XDS_TYPES } from "../index.ts";
import { freePort, httpRequest, RunningProxy } from "../testing/running-proxy.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";
import { SCOPE_HEADER } from "./key.ts";
import { answering, Answers, answerTo, decision, DELIVERIES, entry } from "./testing/answers.ts";

const ROUTER = "router~10.0.0.2~ingress-1.default~default.svc.cluster.local";

interface Ports {
  readonly first: number;
  readonly second: number;
  readonly all: number;
}

function gateway(name: string, servers: readonly (readonly [port: number, hosts: readonly string[]])[]): string {
  const list = servers.map(
    ([port, hosts], index) => `{ port: { number: ${port}, name: http-${name}-${index}, protocol: HTTP }, hosts: ${JSON.stringify(hosts)} }`,
  );
  return `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: ${name} }
spec: { selector: { app: ingress }, servers: [${list.join(", ")}] }
`;
}

function mesh({ first, second, all }: Ports, answers: Answers): string {
  const edge = ["default/edge"];
  return `
${gateway("edge", [
  [first, ["exact.test", "*.wild.test", "*.b.wild.test", "prod/owned.test", "./mine.test", "*/free.test"]],
  [second, ["exact.test", "other.test"]],
])}
${gateway("second", [[first, ["beside.test"]]])}
${gateway("all", [[all, ["*"]]])}
${entry("web", ["web.test"], 80, answers.port("web"))}
${answering("exact", ["exact.test"], { gateways: edge })}
${answering("wild", ["*.wild.test"], { gateways: edge })}
${answering("longer", ["*.b.wild.test"], { gateways: edge })}
${answering("one", ["one.wild.test"], { gateways: edge, match: "{ uri: { prefix: /only } }" })}
${answering("narrow", ["*.c.wild.test"], { gateways: edge })}
${answering("outside", ["outside.test"], { gateways: edge })}
${answering("thief", ["owned.test"], { gateways: edge })}
${answering("owner", ["owned.test"], { gateways: edge, namespace: "prod" })}
${answering("not-mine", ["mine.test"], { gateways: edge, namespace: "prod" })}
${answering("free", ["free.test"], { gateways: edge, namespace: "prod" })}
${answering("beside", ["beside.test", "exact.test"], { gateways: ["default/second"] })}
${answering("other", ["other.test"], { gateways: edge })}
${answering("named", ["named.test"], { gateways: ["default/all"], match: "{ uri: { prefix: /only } }" })}
${answering("rest", ["*.rest.test"], { gateways: ["default/all"] })}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web }
spec:
  hosts: [web.test]
  gateways: [default/all]
  http: [{ route: [{ destination: { host: web.test } }] }]
`;
}

describe.each(DELIVERIES)("hosts of a gateway, %s", (_delivery, metadata) => {
  let answers: Answers;
  let proxy: RunningProxy;
  let ports: Ports;

  beforeAll(async () => {
    answers = await Answers.start(["web"]);
    ports = { first: await freePort(), second: await freePort(), all: await freePort() };
    const view = viewOfYaml(mesh(ports, answers), { nodeId: ROUTER, metadata: { ...metadata, LABELS: { app: "ingress" } } });
    proxy = await RunningProxy.start({ view, types: XDS_TYPES, nodeId: ROUTER });
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await answers?.[Symbol.asyncDispose]();
  });

  const ask = async (port: keyof Ports, host: string, path = "/", headers: readonly string[] = []) =>
    decision(await answerTo({ port: ports[port] }, httpRequest(host, path, headers)));

  test("are in a configuration that Envoy takes", () => {
    expect(proxy.refusals()).toEqual([]);
  });

  test.each<[what: string, port: keyof Ports, host: string, expected: string]>([
    ["a host of a server", "first", "exact.test", "exact"],
    ["on another port of the gateway too", "second", "exact.test", "exact"],
    ["on that port only", "second", "other.test", "other"],
    ["on that port only", "first", "other.test", "404"],
    ["a wildcard", "first", "x.wild.test", "wild"],
    ["at any depth", "first", "x.y.wild.test", "wild"],
    ["the longest", "first", "x.b.wild.test", "longer"],
    ["one that only the VirtualService has", "first", "x.c.wild.test", "narrow"],
    ["the name above", "first", "c.wild.test", "wild"],
    ["not the end of a wildcard", "first", "wild.test", "404"],
    ["not what no server has", "first", "outside.test", "404"],
    ["of another gateway on the port", "first", "beside.test", "beside"],
    ["for VirtualServices of the namespace that the server names", "first", "owned.test", "owner"],
    ["not for those of others", "first", "mine.test", "404"],
    ["for those of all", "first", "free.test", "free"],
    ["of a server for all hosts", "all", "x.rest.test", "rest"],
    ["that forwards", "all", "web.test", "web"],
    ["not what nobody routes", "all", "exact.test", "404"],
  ])("%s: %s %s", async (_what, port, host, expected) => {
    for (const form of [host, `${host}:${ports[port]}`, `${host}:1`, host.toUpperCase(), `${host.toUpperCase()}:1`]) {
      expect(await ask(port, form), form).toBe(expected);
    }
  });

  test.each<[port: keyof Ports, host: string]>([
    ["first", "exact.test."],
    ["first", "x.wild.test."],
    ["all", "web.test."],
    ["first", "exact.test:80:80"],
    ["first", "[exact.test]"],
    ["first", "*.wild.test."],
    ["first", "user@exact.test"],
    ["first", "*"],
  ])("on %s do not take %s", async (port, host) => {
    expect(await ask(port, host)).toBe("404");
  });

  test("are wanted: HTTP/1.0 is too old, and HTTP/1.1 without one is refused", async () => {
    const send = async (text: string) => decision(await answerTo({ port: ports.first }, text));
    expect(await send("GET / HTTP/1.0\r\nHost: exact.test\r\n\r\n")).toBe("426 Upgrade Required");
    expect(await send("GET / HTTP/1.1\r\n\r\n")).toBe("400");
    expect(await send("CONNECT exact.test:80 HTTP/1.1\r\nHost: exact.test:80\r\n\r\n")).toBe("404");
    expect(await send("GET http://exact.test/ HTTP/1.1\r\nHost: outside.test\r\n\r\n")).toBe("exact");
  });

  test("leave nothing over to others", async () => {
    expect(await ask("first", "one.wild.test", "/only")).toBe("one");
    expect(await ask("first", "one.wild.test", "/x"), "not the wildcard's").toBe("404");
    expect(await ask("first", "One.Wild.Test", "/x")).toBe("404");
    expect(await ask("all", "named.test", "/x")).toBe("404");
  });

  test("are not chosen by our own header, which nobody sees", async () => {
    const forged = [`${SCOPE_HEADER}: http.${ports.first}|exact.test`];
    expect(await ask("first", "outside.test", "/", forged)).toBe("404");
    expect(await ask("first", "x.wild.test", "/", forged)).toBe("wild");
    expect(await ask("all", "WEB.test", "/", forged)).toBe("web");
    expect(answers.last("web")?.headers.map(([name]) => name)).not.toContain(SCOPE_HEADER);
  });
});
