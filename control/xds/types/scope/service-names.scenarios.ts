import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { XDS_TYPES } from "../index.ts";
import { httpRequest, RunningProxy } from "../testing/running-proxy.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";
import { answering, Answers, answerTo, decision, DELIVERIES, entry, kubernetes } from "./testing/answers.ts";

const NAMES = ["reviews", "reviews.prod", "ratings.prod", "ratings", "api", "partly", "inside", "stranger", "stranger-2"];

/** Unknown hosts go where the client wanted to go; here that is a server of no service, at the very port of the services. */
const STRANGER = "stranger";

function mesh(answers: Answers): string {
  const [port, other] = [answers.port("stranger"), answers.port("stranger-2")];
  const http = (number: number) => `ports: [{ name: http, port: ${number} }]`;
  return `
${kubernetes("reviews", "default", `clusterIPs: [10.96.0.1, "FD00::1"], ${http(port)}`, answers.port("reviews"))}
${kubernetes("reviews", "prod", `clusterIP: 10.96.0.2, ${http(port)}`, answers.port("reviews.prod"))}
${kubernetes("ratings", "prod", `clusterIP: 10.96.0.3, ${http(port)}`, answers.port("ratings.prod"))}
${kubernetes("ratings", "default", `clusterIP: 10.96.0.4, ${http(other)}`, answers.port("ratings"))}
${kubernetes("headless", "prod", `clusterIP: None, ${http(port)}`, 1)}
${answering("headless", ["headless.prod.svc.cluster.local"])}
${entry("api", ["api.example.com"], port, answers.port("api"))}
${entry("partly", ["partly.example.com"], port, answers.port("partly"))}
${entry("inside", ["inside.prod.svc.cluster.local"], port, answers.port("inside"))}
${answering("alone", ["alone.example.com"], { match: "{ uri: { prefix: /only } }" })}
${answering("beside", ["beside.example.com", "partly.example.com"], { match: "{ uri: { prefix: /beside } }" })}
---
apiVersion: v1
kind: Service
metadata: { name: secret, namespace: prod, annotations: { networking.istio.io/exportTo: "." } }
spec: { clusterIP: 10.96.0.9, ${http(port)} }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: secret, namespace: prod }
spec: { hosts: [secret.example.com], exportTo: ["."], resolution: STATIC, endpoints: [{ address: 127.0.0.1 }], ${http(port).replace("port:", "number:").replace("name: http", "name: http, protocol: HTTP")} }
`;
}

describe.each(DELIVERIES)("the names of services, %s", (_delivery, metadata) => {
  let answers: Answers;
  let here: RunningProxy;
  let prod: RunningProxy;

  beforeAll(async () => {
    answers = await Answers.start(NAMES);
    const yaml = mesh(answers);
    const prodId = "sidecar~10.0.0.2~client-2.prod~prod.svc.cluster.local";
    here = await RunningProxy.start({ view: viewOfYaml(yaml, { metadata }), types: XDS_TYPES });
    prod = await RunningProxy.start({ view: viewOfYaml(yaml, { nodeId: prodId, metadata }), types: XDS_TYPES, nodeId: prodId });
  });
  afterAll(async () => {
    await here?.[Symbol.asyncDispose]();
    await prod?.[Symbol.asyncDispose]();
    await answers?.[Symbol.asyncDispose]();
  });

  /** `PORT` in a host is that of the services. */
  async function ask(proxy: RunningProxy, host: string, path = "/", server = STRANGER): Promise<string> {
    const written = host.replace("PORT", String(answers.port(server)));
    return decision(await answerTo(proxy.connection("outbound", `127.0.0.1:${answers.port(server)}`), httpRequest(written, path)));
  }

  test("are in configurations that Envoy takes", () => {
    expect([...here.refusals(), ...prod.refusals()]).toEqual([]);
  });

  const FORMS = ["", ":PORT", ":1", ":0", ":"];

  describe.each([
    ["in its namespace", "reviews", "reviews"],
    ["with its namespace", "reviews.default", "reviews"],
    ["with svc", "reviews.default.svc", "reviews"],
    ["in full", "reviews.default.svc.cluster.local", "reviews"],
    ["in full, with a dot at the end", "reviews.default.svc.cluster.local.", "reviews"],
    ["by its address", "10.96.0.1", "reviews"],
    ["by its IPv6 address", "[fd00::1]", "reviews"],
    ["of another namespace, with it", "reviews.prod", "reviews.prod"],
    ["of another namespace, in full", "reviews.prod.svc.cluster.local", "reviews.prod"],
    ["of another namespace, by its address", "10.96.0.2", "reviews.prod"],
    ["of a ServiceEntry", "api.example.com", "api"],
    ["of a ServiceEntry, with a dot at the end", "api.example.com.", "api"],
    ["of a ServiceEntry, short where it is named as a service of Kubernetes", "inside.prod", "inside"],
    ["of a headless service", "headless.prod", "headless"],
    ["of a workload of a headless service", "headless-0.headless.prod.svc.cluster.local", "headless"],
    ["of a workload of a headless service, short", "headless-0.headless.prod", "headless"],
    ["of a workload of a headless service, with a dot at the end", "headless-0.headless.prod.svc.cluster.local.", "headless"],
  ])("%s: %s", (_what, host, expected) => {
    test.each(FORMS)("with %j behind it", async (form) => {
      expect(await ask(here, `${host}${form}`)).toBe(expected);
      const mixed = host.replace(/^(\[?\w)(.*)(\w\]?\.?)$/, (_all, first: string, middle: string, last: string) =>
        [first.toUpperCase(), middle, last.toUpperCase()].join(""),
      );
      expect(await ask(here, `${mixed}${form}`), mixed).toBe(expected);
      expect(await ask(here, `${host.toUpperCase()}${form}`), "in capitals").toBe(expected);
    });
  });

  test.each([
    ["short, of another namespace", "ratings"],
    ["short, with a dot at the end", "reviews."],
    ["with its namespace, and a dot", "reviews.default."],
    ["with svc, and a dot", "reviews.default.svc."],
    ["with two dots", "reviews.default.svc.cluster.local.."],
    ["of another cluster", "reviews.default.svc.other.local"],
    ["with more in front", "a.reviews.default.svc.cluster.local"],
    ["with more behind", "reviews.default.svc.cluster.local.example.com"],
    ["only its end", "default.svc.cluster.local"],
    ["an address with a dot", "10.96.0.1."],
    ["an address of no service", "10.96.0.77"],
    ["an address as one number", "174063617"],
    ["an IPv6 address written otherwise", "[fd00:0::1]"],
    ["an IPv6 address with a zone", "[fd00::1%25eth0]"],
    ["an IPv6 address without brackets", "fd00::1"],
    ["an IPv6 address with what our key has for colons", "[fd00__1]"],
    ["two ports", "reviews:80:90"],
    ["hidden by its annotation", "secret.prod"],
    ["hidden by exportTo", "secret.example.com"],
    ["with a user", "user@reviews"],
    ["encoded", "reviews%2edefault"],
    ["a star", "*"],
    ["with an underscore", "reviews_default"],
    ["a dot", "."],
  ])("%s: %s is unknown", async (_what, host) => {
    expect(await ask(here, host)).toBe(STRANGER);
    expect(await ask(here, host.toUpperCase()), "in capitals").toBe(STRANGER);
  });

  test("short names are those of the client's namespace", async () => {
    expect(await ask(prod, "reviews")).toBe("reviews.prod");
    expect(await ask(prod, "ratings")).toBe("ratings.prod");
    expect(await ask(prod, "inside")).toBe("inside");
    expect(await ask(prod, "reviews.default")).toBe("reviews");
    expect(await ask(here, "inside")).toBe(STRANGER);
  });

  test("a name belongs to the port on which its service listens", async () => {
    expect(await ask(here, "ratings:PORT", "/", "stranger-2")).toBe("ratings");
    expect(await ask(here, "ratings.default:PORT")).toBe(STRANGER);
    expect(await ask(here, "ratings.prod:PORT")).toBe("ratings.prod");
    expect(await ask(here, "ratings.prod:PORT", "/", "stranger-2")).toBe("stranger-2");
    expect(await ask(here, "10.96.0.4", "/", "stranger-2")).toBe("ratings");
    expect(await ask(here, "10.96.0.4")).toBe(STRANGER);
  });

  test("what a host's own rules leave is not decided by another's", async () => {
    expect(await ask(here, "partly.example.com", "/beside/x")).toBe("beside");
    expect(await ask(here, "partly.example.com", "/x")).toBe("404");
    expect(await ask(here, "PARTLY.example.com.", "/x")).toBe("404");
  });

  test("a name that only a VirtualService knows is served on the ports of the services beside it", async () => {
    expect(await ask(here, "beside.example.com", "/beside")).toBe("beside");
    expect(await ask(here, "Beside.Example.Com:1", "/beside")).toBe("beside");
    expect(await ask(here, "beside.example.com", "/x")).toBe("404");
    expect(await ask(here, "beside.example.com.", "/beside"), "no mesh service, no dot").toBe(STRANGER);
    expect(await ask(here, "alone.example.com", "/only"), "which is for port 80").toBe(STRANGER);
  });
});
