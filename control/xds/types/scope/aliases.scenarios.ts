import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { XDS_TYPES } from "../index.ts";
import { httpRequest, RunningProxy } from "../testing/running-proxy.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";
import { answering, Answers, answerTo, decision, DELIVERIES, kubernetes } from "./testing/answers.ts";

const STRANGER = "stranger";

const external = (name: string, namespace: string, names: string, more = "") => `
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { type: ExternalName, externalName: ${names} ${more} }
`;

function mesh(answers: Answers): string {
  const port = answers.port(STRANGER);
  const http = `ports: [{ name: http, port: ${port} }]`;
  const cluster = "svc.cluster.local";
  return `
${kubernetes("reviews", "default", `clusterIP: 10.96.0.1, ${http}`, answers.port("reviews"))}
${kubernetes("ratings", "prod", `clusterIP: 10.96.0.2, ${http}`, answers.port("ratings"))}
${answering("reviews-rules", ["reviews"], { match: "{ uri: { prefix: /rule } }" })}
${external("other", "default", `ratings.prod.${cluster}`)}
${external("again", "default", `other.default.${cluster}`)}
${external("same", "prod", `reviews.default.${cluster}`, `, ${http}`)}
${external("ruled", "default", `ratings.prod.${cluster}`, `, ${http}`)}
${external("round", "default", `about.default.${cluster}`)}
${external("about", "default", `round.default.${cluster}`)}
${external("reviews", "prod", `ratings.prod.${cluster}`)}
${answering("ruled-rules", ["ruled"])}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ratings, namespace: prod }
spec:
  hosts: [ratings]
  http:
    - match: [{ uri: { prefix: /back } }]
      route: [{ destination: { host: same } }]
    - route: [{ destination: { host: ratings } }]
`;
}

// Kubernetes' ExternalName: another name of a service, which has that service's rules (Istio's ENABLE_EXTERNAL_NAME_ALIAS).
describe.each(DELIVERIES)("other names of services, %s", (_delivery, metadata) => {
  let answers: Answers;
  let proxy: RunningProxy;

  beforeAll(async () => {
    answers = await Answers.start(["reviews", "ratings", STRANGER]);
    proxy = await RunningProxy.start({ view: viewOfYaml(mesh(answers), { metadata }), types: XDS_TYPES });
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    await answers?.[Symbol.asyncDispose]();
  });

  const ask = async (host: string, path = "/") =>
    decision(await answerTo(proxy.connection("outbound", `127.0.0.1:${answers.port(STRANGER)}`), httpRequest(host, path)));

  test("are in a configuration that Envoy takes", () => {
    expect(proxy.refusals()).toEqual([]);
  });

  test.each([
    ["short", "other", "ratings"],
    ["with its namespace", "other.default", "ratings"],
    ["in full, in capitals, with a dot and a port", "OTHER.default.svc.cluster.local.:77", "ratings"],
    ["of another alias", "again", "ratings"],
    ["in another namespace", "same.prod", "404"],
    ["of the name of another service there", "reviews.prod", "ratings"],
    ["that a VirtualService speaks of", "ruled", "ruled-rules"],
    ["that names what names it", "round", STRANGER],
    ["short, of another namespace", "same", STRANGER],
  ])("%s: %s", async (_what, host, expected) => {
    expect(await ask(host)).toBe(expected);
  });

  test("have the rules of the service", async () => {
    expect(await ask("same.prod", "/rule")).toBe("reviews-rules");
    expect(await ask("reviews", "/rule")).toBe("reviews-rules");
    expect(await ask("ratings.prod")).toBe("ratings");
  });

  test("are the service where they are a destination", async () => {
    expect(await ask("ratings.prod", "/back")).toBe("reviews");
    expect(await ask("other", "/back")).toBe("reviews");
  });
});
