import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { XDS_TYPES } from "../index.ts";
import { httpRequest, RunningProxy } from "../testing/running-proxy.ts";
import { viewOfYaml } from "../testing/yaml-view.ts";
import { answering, Answers, answerTo, decision, DELIVERIES, entry } from "./testing/answers.ts";

const NAMES = ["exact", "wild", "longer", "stranger"];
const STRANGER = "stranger";

function mesh(answers: Answers): string {
  const port = answers.port("stranger");
  return `
${entry("exact", ["a.example.com", "deep.b.example.com"], port, answers.port("exact"))}
${entry("wild", ["*.example.com"], port, answers.port("wild"))}
${entry("longer", ["*.b.example.com"], port, answers.port("longer"))}
${entry("of-org", ["*.org"], port, answers.port("exact"))}
${entry("elsewhere", ["c.example.com"], 9, answers.port("exact"))}
${answering("over-services", ["*.org"], { match: "{ uri: { prefix: /rule } }" })}
${entry("ruled", ["ruled.test", "also.ruled.test"], port, answers.port("exact"))}
${entry("partly", ["partly.test"], port, answers.port("exact"))}
${answering("any", ["*.test"])}
${answering("inner", ["*.ruled.test"])}
${answering("beside", ["*.beside.net", "partly.test"], { match: "{ uri: { prefix: /beside } }" })}
`;
}

describe.each(DELIVERIES)("wildcards, %s", (_delivery, metadata) => {
  let answers: Answers;
  let proxy: RunningProxy;

  beforeAll(async () => {
    answers = await Answers.start(NAMES);
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
    ["a host of its own goes before them", "a.example.com", "exact"],
    ["the longest counts", "x.b.example.com", "longer"],
    ["at any depth", "x.y.z.b.example.com", "longer"],
    ["a host of its own goes before the longest", "deep.b.example.com", "exact"],
    ["the others have the rest", "z.example.com", "wild"],
    ["at any depth of theirs", "x.y.example.com", "wild"],
    ["the name above is under the shorter one", "b.example.com", "wild"],
    ["a host that is known on another port only", "c.example.com", "wild"],
    ["not their own end", "example.com", STRANGER],
    ["nothing but a dot in front", ".example.com", STRANGER],
    ["not what ends alike", "badexample.com", STRANGER],
    ["of one label", "wiki.org", "404"],
    ["a VirtualService over hosts of services is for those", "ruled.test", "any"],
    ["and the longer one before it", "also.ruled.test", "inner"],
    ["and for no other host", "free.test", STRANGER],
    ["nor the longer one", "free.ruled.test", STRANGER],
    ["a wildcard that only a VirtualService knows", "x.beside.net", "404"],
  ])("%s: %s", async (_what, host, expected) => {
    for (const form of [host, `${host}:80`, `${host}:1`, host.toUpperCase(), `${host.toUpperCase()}:9`]) {
      expect(await ask(form), form).toBe(expected);
    }
  });

  test.each([
    ["x.example.com.", "wild"],
    ["X.B.Example.Com.", "longer"],
    ["x.y.b.example.com.:80", "longer"],
    ["a.example.com.", "exact"],
    ["x.beside.net.", STRANGER],
    ["x.example.com..", STRANGER],
  ])("take a dot at the end where the mesh has a service: %s", async (host, expected) => {
    expect(await ask(host)).toBe(expected);
  });

  test("have rules as hosts do", async () => {
    expect(await ask("wiki.org", "/rule/x")).toBe("over-services");
    expect(await ask("wiki.org", "/x"), "which leave nothing over").toBe("404");
    expect(await ask("x.beside.net", "/beside")).toBe("beside");
    expect(await ask("partly.test", "/beside")).toBe("beside");
    expect(await ask("partly.test", "/x"), "which the wildcard's do not fill up").toBe("404");
    expect(await ask("z.example.com", "/beside")).toBe("wild");
  });
});
