import { describe, expect, test } from "vitest";
import { problemsInMesh } from "../testing/in-mesh.ts";
import { virtualService } from "./index.ts";

// Each VirtualService begins on a line of its own, so that a problem's place says which it is of.
const MESH = `
apiVersion: v1
kind: Service
metadata: { name: reviews }
spec: { ports: [{ name: http, port: 9080 }] }
---
apiVersion: v1
kind: Service
metadata: { name: ratings }
spec: { ports: [{ name: http, port: 80 }, { name: admin, port: 81 }] }
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: wild }
spec: { hosts: ["*.example.com"], ports: [{ number: 443, name: tls, protocol: TLS }], resolution: NONE }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews }
spec: { host: reviews, subsets: [{ name: v1, labels: { version: v1 } }] }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge }
spec: { selector: { app: ingress }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ["*.shop.com", other/a.org] }] }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: inner, namespace: other }
spec: { selector: { app: inner }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ["./*"] }] }
---
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: { name: authentication }
spec: { url: "builtin://authentication", selector: { matchLabels: { app: ingress } }, pluginConfig: { jwtRules: [{ issuer: a, jwks: "{}" }] } }
`;

const named = (name: string, spec: string) => `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { ${name} }
spec: ${spec}
`;

/** Without file and place, which stands in the path; by path. */
function problems(yaml: string): readonly string[] {
  return problemsInMesh(virtualService, MESH + yaml).map((problem) => problem.replace(/^[^ ]* /, ""));
}

const http = (...routes: readonly string[]) => problems(named("name: vs", `{ hosts: [reviews], http: [${routes.join(", ")}] }`));
const on = (gateway: string, hosts: string, ...routes: readonly string[]) =>
  problems(named("name: vs", `{ hosts: [${hosts}], gateways: [${gateway}], http: [${routes.join(", ")}] }`));
const TO = "route: [{ destination: { host: reviews } }]";

describe("destinations", () => {
  test.each([
    ["a service by its short name", "{ host: reviews }"],
    ["a service in full", "{ host: reviews.default.svc.cluster.local, port: { number: 9080 }, subset: v1 }"],
    ["a service within a wildcard", "{ host: a.example.com, port: { number: 443 } }"],
    ["several ports, of which the request's is one", "{ host: ratings }"],
  ])("%s", (_what, destination) => {
    expect(http(`{ route: [{ destination: ${destination} }] }`)).toEqual([]);
  });

  test.each([
    ["{ host: unknown }", "host: no service has host unknown.default.svc.cluster.local; requests for it get 503"],
    [
      "{ host: reviews, subset: v2 }",
      "subset: no DestinationRule has subset v2 of reviews.default.svc.cluster.local; requests for it get 503",
    ],
    ["{ host: reviews, port: { number: 80 } }", "port.number: reviews.default.svc.cluster.local has no port 80; requests for it get 503"],
    ["{ host: a.example.com, port: { number: 80 } }", "port.number: a.example.com has no port 80; requests for it get 503"],
  ])("%s is not there", (destination, message) => {
    expect(http(`{ route: [{ destination: ${destination} }] }`)).toEqual([`error IST0101 spec.http[0].route[0].destination.${message}`]);
  });

  test.each([
    ["to the VirtualService's namespace", "exportTo: [default]", "", []],
    ["to everybody", 'exportTo: ["*"]', "", []],
    ["to a namespace that the VirtualService is for", "exportTo: [third]", 'exportTo: [".", third], ', []],
    ["to others", 'exportTo: ["."]', "", ["default"]],
    ["to nobody", 'exportTo: ["~"]', "exportTo: [third, fourth], ", ["third, fourth"]],
  ] as const)("a service that is exported %s", (_what, service, rules, hidden) => {
    const entry = `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: far, namespace: other }
spec: { hosts: [far.test], ${service}, ports: [{ number: 80, name: http, protocol: HTTP }], resolution: STATIC, endpoints: [{ address: 10.0.0.1 }] }
`;
    const found = problems(
      entry + named("name: vs", `{ hosts: [reviews], ${rules}http: [{ route: [{ destination: { host: far.test } }] }] }`),
    );
    const path = "error IST0101 spec.http[0].route[0].destination.host";
    expect(found).toEqual(
      hidden.map((namespaces) => `${path}: exportTo hides far.test from namespace ${namespaces}; requests for it get 503`),
    );
  });

  test("those of mirrors, TLS and TCP", () => {
    const spec = `{ hosts: [reviews], http: [{ ${TO}, mirror: { host: a } }, { match: [{ uri: { exact: / } }], ${TO}, mirrors: [{ destination: { host: reviews } }, { destination: { host: b } }] }],
      tls: [{ match: [{ sniHosts: [reviews] }], route: [{ destination: { host: c } }] }], tcp: [{ route: [{ destination: { host: d } }] }] }`;
    expect(problems(named("name: vs", spec)).map((problem) => problem.split(": no service")[0])).toEqual([
      "error IST0101 spec.http[0].mirror.host",
      "warning IST0130 spec.http[1]: no request comes here: http[0] takes them all",
      "error IST0101 spec.http[1].mirrors[1].destination.host",
      "error IST0101 spec.tls[0].route[0].destination.host",
      "error IST0101 spec.tcp[0].route[0].destination.host",
    ]);
  });

  test("on a gateway a service of several ports needs one", () => {
    const message = "error IST0112 spec.http[0].route[0].destination: ratings.default.svc.cluster.local has several ports; say which";
    const route = "{ route: [{ destination: { host: ratings } }] }";
    expect(on("edge", "a.shop.com", route)).toEqual([message]);
    expect(on("mesh, edge", "a.shop.com", route)).toEqual([message]);
    expect(on("edge", "a.shop.com", "{ route: [{ destination: { host: ratings, port: { number: 81 } } }] }")).toEqual([]);
  });
});

describe("gateways", () => {
  test.each([
    ["one that is not there", "nowhere", "a.shop.com", "error IST0101 spec.gateways[0]: there is no Gateway default/nowhere"],
    [
      "one of another namespace that is not there",
      "other/edge",
      "a.shop.com",
      "error IST0101 spec.gateways[0]: there is no Gateway other/edge",
    ],
    ["a host that no server has", "edge", "a.shop.org", "warning IST0132 spec.hosts[0]: Gateway default/edge has no server for a.shop.org"],
    [
      "a host that is for another namespace",
      "edge",
      "a.org",
      "warning IST0132 spec.hosts[0]: Gateway default/edge has no server for a.org",
    ],
    [
      "a server that keeps to its namespace",
      "other/inner",
      "a.shop.com",
      "warning IST0132 spec.hosts[0]: Gateway other/inner has no server for a.shop.com",
    ],
  ])("%s", (_what, gateway, hosts, message) => {
    expect(on(gateway, hosts, `{ ${TO} }`)).toEqual([message]);
  });

  test.each([
    ["a host within a wildcard", "edge", "a.shop.com"],
    ["a wildcard around a host", "edge", '"*.com"'],
    ["any host", "edge", '"*"'],
  ])("%s", (_what, gateway, hosts) => {
    expect(on(gateway, hosts, `{ ${TO} }`)).toEqual([]);
  });
});

test("matches choose among the gateways of the object", () => {
  const route = `{ match: [{ gateways: [edge] }, { gateways: [mesh, other/inner] }], ${TO} }`;
  expect(on("mesh, edge", "a.shop.com", route)).toEqual([
    "warning MW0010 spec.http[0].match[1].gateways[1]: the object's gateways are mesh, default/edge: for other/inner it says nothing",
  ]);
  expect(http("{ match: [{ gateways: [edge] }], route: [{ destination: { host: reviews } }] }")).toEqual([
    "warning MW0010 spec.http[0].match[0].gateways[0]: the object's gateways are mesh: for default/edge it says nothing",
  ]);
});

describe("hosts that others have", () => {
  const at = (name: string, created: string, more = "") =>
    named(`name: ${name}, creationTimestamp: "${created}"`, `{ hosts: [reviews], http: [{ ${TO} }]${more} }`);

  test("the oldest alone counts", () => {
    expect(problems(at("young", "2026-02-01T00:00:00Z") + at("old", "2026-01-01T00:00:00Z"))).toEqual([
      "error IST0109 spec.hosts[0]: default/old has host reviews.default.svc.cluster.local too; default/old is older, so it alone counts",
      "error IST0109 spec.hosts[0]: default/young has host reviews.default.svc.cluster.local too; this one is the oldest, so it alone counts",
    ]);
  });

  test("of the same age the first by name does", () => {
    const found = problems(at("b", "2026-01-01T00:00:00Z") + at("a", "2026-01-01T00:00:00Z") + at("c", "2026-01-01T00:00:00Z"));
    expect(found.map((problem) => problem.replace(/^.* too; /, ""))).toEqual([
      "default/a is older, so it alone counts",
      "this one is the oldest, so it alone counts",
      "default/a is older, so it alone counts",
    ]);
  });

  test.each([
    ["on gateways they are merged", ", gateways: [edge]"],
    ["they are for different namespaces", ", exportTo: [other]"],
  ])("%s", (_what, more) => {
    const found = problems(at("a", "2026-01-01T00:00:00Z", ', exportTo: ["."]') + at("b", "2026-01-01T00:00:00Z", more));
    expect(found.filter((problem) => problem.includes("IST0109"))).toEqual([]);
  });
});

describe("delegates", () => {
  const root = named("name: root", "{ hosts: [reviews], http: [{ match: [{ uri: { prefix: /a } }], delegate: { name: inner } }] }");

  test("one that is there", () => {
    expect(problems(root + named("name: inner", `{ http: [{ ${TO} }] }`))).toEqual([]);
  });

  test("one that is not", () => {
    expect(problems(root)).toEqual([
      "error IST0101 spec.http[0].delegate: there is no VirtualService default/inner; the route is left out",
    ]);
  });

  test("one that another namespace keeps to itself", () => {
    const yaml =
      root.replace("name: inner", "name: inner, namespace: other") +
      named(
        "name: inner, namespace: other",
        `{ exportTo: ["."], http: [{ ${TO.replace("reviews", "reviews.default.svc.cluster.local")} }] }`,
      );
    expect(problems(yaml)).toEqual([
      "error IST0101 spec.http[0].delegate: VirtualService other/inner is not exported to default; the route is left out",
    ]);
  });

  test("one that has hosts", () => {
    expect(problems(root + named("name: inner", `{ hosts: [ratings], http: [{ ${TO} }] }`))).toEqual([
      "error MW0004 spec.http[0].delegate: VirtualService default/inner has hosts, so it is no delegate; the route is left out",
    ]);
  });

  test("one whose routes lie outside", () => {
    const inner = `{ http: [{ match: [{ uri: { exact: /a/b } }], ${TO} }, { match: [{ uri: { exact: /a/c } }, { uri: { exact: /c } }], ${TO} }] }`;
    expect(problems(root + named("name: inner", inner))).toEqual([
      "warning MW0010 spec.http[0].delegate: http[1] of default/inner is left out: one of its matches lies within none of this route's",
    ]);
  });

  test("routes behind one are reached", () => {
    expect(
      problems(
        named("name: root", `{ hosts: [reviews], http: [{ delegate: { name: inner } }, { delegate: { name: inner } }, { ${TO} }] }`) +
          named("name: inner", `{ http: [{ match: [{ uri: { exact: /a } }], ${TO} }] }`),
      ),
    ).toEqual([]);
  });
});

describe("rules that nothing reaches", () => {
  const when = (...matches: readonly string[]) => `{ match: [${matches.map((match) => `{ ${match} }`).join(", ")}], ${TO} }`;

  test.each([
    [
      "behind a route without a match",
      [`{ ${TO} }`, when("uri: { prefix: /a }")],
      "warning IST0130 spec.http[1]: no request comes here: http[0] takes them all",
    ],
    [
      "behind all paths",
      [when("uri: { prefix: / }"), `{ ${TO} }`],
      "warning IST0130 spec.http[1]: no request comes here: http[0].match[0] takes them all",
    ],
    [
      "behind any path",
      [when("uri: { exact: /a }", 'uri: { regex: ".*" }'), `{ ${TO} }`],
      "warning IST0130 spec.http[1]: no request comes here: http[0].match[1] takes them all",
    ],
    [
      "behind a longer part of the path",
      [when("uri: { prefix: /a }"), when("uri: { prefix: /a/b }")],
      "warning MW0010 spec.http[1].match[0]: no request comes here: http[0].match[0] takes all that begin with the like",
    ],
    [
      "behind the same prefix alone",
      [when("uri: { prefix: /a }"), when("uri: { prefix: /a }, method: { exact: GET }")],
      "warning MW0010 spec.http[1].match[0]: no request comes here: http[0].match[0] takes all that begin with the like",
    ],
    [
      "behind a prefix of the path",
      [when("uri: { prefix: /a }"), when("uri: { exact: /a }")],
      "warning MW0010 spec.http[1].match[0]: no request comes here: http[0].match[0] takes all that begin with the like",
    ],
    [
      "an alternative twice",
      [when("uri: { exact: /a }"), when("uri: { exact: /b }", "uri: { exact: /a }")],
      "info IST0131 spec.http[1].match[1]: http[0].match[0] asks for the same, so this never decides",
    ],
  ])("%s", (_what, routes, message) => {
    expect(http(...routes)).toEqual([message]);
  });

  test("the same route twice", () => {
    expect(http(when("uri: { exact: /a }"), when("uri: { exact: /a }")).toSorted()).toEqual([
      "info IST0131 spec.http[1].match[0]: http[0].match[0] asks for the same, so this never decides",
      "warning IST0130 spec.http[1]: no request comes here: earlier routes take all that it asks for",
    ]);
  });

  test.each([
    ["a prefix that asks for more", [when("uri: { prefix: /a }, method: { exact: GET }"), when("uri: { prefix: /a/b }")]],
    ["a prefix in any case, behind one", [when("uri: { prefix: /a }"), when("uri: { prefix: /a/b }, ignoreUriCase: true")]],
    ["all paths, of some clients", [when("sourceLabels: { app: web }"), `{ ${TO} }`]],
    ["all paths, on another port", [when("port: 80"), `{ ${TO} }`]],
    ["from the special to the general", [when("uri: { exact: /a/b }"), when("uri: { prefix: /a }"), `{ ${TO} }`]],
  ])("%s hides nothing", (_what, routes) => {
    expect(http(...routes)).toEqual([]);
  });
});

describe("claims", () => {
  const asks = '{ match: [{ headers: { "@request.auth.claims.group": { exact: dev } } }], route: [{ destination: { host: reviews } }] }';
  const asksNot = '{ match: [{ withoutHeaders: { "@request.auth.claims.group": {} } }], route: [{ destination: { host: reviews } }] }';

  test("are known at gateways where tokens are verified", () => {
    expect(on("edge", "a.shop.com", asks, asksNot)).toEqual([]);
  });

  test("are not at others", () => {
    const why = "no RequestAuthentication verifies tokens at Gateway other/inner, nor does a WasmPlugin builtin://authentication";
    const yaml = named(
      "name: vs, namespace: other",
      `{ hosts: [a.com], gateways: [inner], http: [${asks.replace("host: reviews", "host: reviews.default.svc.cluster.local")}] }`,
    );
    const code = why.startsWith("no ") ? "IST0149" : "MW0010";
    expect(problems(yaml)).toEqual([`warning ${code} spec.http[0].match[0].headers["@request.auth.claims.group"]: never matches: ${why}`]);
  });

  test("are where a RequestAuthentication has a rule for it", () => {
    const authentication = (selector: string, rules: string) => `---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: tokens, namespace: other }
spec: { selector: { matchLabels: { ${selector} } }, jwtRules: ${rules} }
`;
    const rule = "[{ issuer: a, jwksUri: 'https://a.example.com' }]";
    const yaml = named(
      "name: vs, namespace: other",
      `{ hosts: [a.com], gateways: [inner], http: [${asks.replace("host: reviews", "host: reviews.default.svc.cluster.local")}] }`,
    );
    const told = (selector: string, rules: string) => problems(yaml + authentication(selector, rules)).length;
    expect([told("app: inner", rule), told("any: label", rule)]).toEqual([0, 0]);
    expect([told("app: inner", "[]"), told("app: another", rule)]).toEqual([1, 1]);
  });

  test("are not on sidecars", () => {
    const why = "sidecars know no claims, gateways do";
    expect(http(asks, asksNot)).toEqual([
      `warning MW0010 spec.http[0].match[0].headers["@request.auth.claims.group"]: never matches: ${why}`,
      `warning MW0011 spec.http[1].match[0].withoutHeaders["@request.auth.claims.group"]: always matches: ${why}`,
    ]);
    expect(on("mesh, edge", "a.shop.com", asks.replace("{ headers", "{ gateways: [edge], headers"))).toEqual([]);
  });
});

test("a problem has the place of what it is about", () => {
  const [problem] = problemsInMesh(
    virtualService,
    named("name: vs", "\n  hosts: [reviews]\n  http:\n    - route:\n        - destination: { host: unknown }").slice(4),
  );
  expect(problem).toMatch(/^mesh\.yaml:8:26: error IST0101 spec\.http\[0\]\.route\[0\]\.destination\.host: /);
});
