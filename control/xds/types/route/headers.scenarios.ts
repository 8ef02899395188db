import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Script } from "../../../../harness/upstreams/index.ts";
import type { Told } from "../testing/ask.ts";
import { EchoMesh, to, virtualService } from "../testing/echo-mesh.ts";

/** Operations of the route and of its destination; headers that the service, or of `response` the client, gets, by name; undefined: it does not. */
interface Row {
  readonly what: string;
  readonly route?: object;
  readonly destination?: object;
  readonly sent?: readonly (readonly [string, string])[];
  readonly gets: Readonly<Record<string, string | undefined>>;
}

// The same for requests and responses; where it is not, `{request: ...}`.
const ROWS: readonly Row[] = [
  {
    what: "set takes the place of all values",
    route: { set: { "x-a": "new" } },
    sent: [
      ["x-a", "1"],
      ["X-A", "2"],
    ],
    gets: { "x-a": "new" },
  },
  { what: "set makes what is not there", route: { set: { "X-A": "new" } }, gets: { "x-a": "new" } },
  { what: "add stands behind what is there", route: { add: { "x-a": "new" } }, sent: [["x-a", "1"]], gets: { "x-a": "1, new" } },
  { what: "add makes what is not there", route: { add: { "x-a": "new" } }, gets: { "x-a": "new" } },
  {
    what: "remove takes all values away",
    route: { remove: ["X-A"] },
    sent: [
      ["x-a", "1"],
      ["x-a", "2"],
    ],
    gets: { "x-a": undefined },
  },
  { what: "set beats remove", route: { set: { "x-a": "new" }, remove: ["x-a"] }, sent: [["x-a", "1"]], gets: { "x-a": "new" } },
  { what: "add beats remove", route: { add: { "x-a": "new" }, remove: ["x-a"] }, sent: [["x-a", "1"]], gets: { "x-a": "new" } },
  { what: "add comes after set", route: { set: { "x-a": "s" }, add: { "x-a": "a" } }, sent: [["x-a", "1"]], gets: { "x-a": "s, a" } },
  { what: "to set nothing does nothing", route: { set: { "x-a": "" } }, sent: [["x-a", "1"]], gets: { "x-a": "1" } },
  {
    what: "what Envoy knows is filled in",
    route: { set: { "x-a": "%REQ(x-b)%-%PROTOCOL%" } },
    sent: [["x-b", "2"]],
    gets: { "x-a": "2-HTTP/1.1" },
  },
  { what: "a percent sign by itself", route: { set: { "x-a": "100%%" } }, gets: { "x-a": "100%" } },
  {
    what: "those of a destination",
    destination: { set: { "x-a": "s" }, add: { "x-b": "a" }, remove: ["x-c"] },
    sent: [["x-c", "1"]],
    gets: { "x-a": "s", "x-b": "a", "x-c": undefined },
  },
];

const BOTH: readonly (Row & { readonly weighted: Row["gets"] })[] = [
  {
    what: "set of both",
    route: { set: { "x-a": "route" } },
    destination: { set: { "x-a": "destination" } },
    gets: { "x-a": "destination" },
    weighted: { "x-a": "route" },
  },
  {
    what: "add of both",
    route: { add: { "x-a": "route" } },
    destination: { add: { "x-a": "destination" } },
    sent: [["x-a", "client"]],
    gets: { "x-a": "client, route, destination" },
    weighted: { "x-a": "client, destination, route" },
  },
  {
    what: "remove of the route, set of the destination",
    route: { remove: ["x-a"] },
    destination: { set: { "x-a": "destination" } },
    gets: { "x-a": "destination" },
    weighted: { "x-a": undefined },
  },
];

const AUTHORITIES: readonly (readonly [what: string, route: object, destination: object, single: string, weighted: string])[] = [
  ["of the route", { set: { Host: "a.test" } }, {}, "a.test", "a.test"],
  ["by its other name", { set: { ":authority": "a.test" } }, {}, "a.test", "a.test"],
  ["set beats add", { set: { host: "a.test" }, add: { host: "b.test" } }, {}, "a.test", "a.test"],
  ["of the destination", {}, { set: { host: "b.test" } }, "b.test", "b.test"],
];

/** Tells in headers what it saw, and sends those that the request's `x-sent` lists: one request shows both ways. */
const both: Script = ({ authority, headers }) => {
  const wanted = headers.find(([name]) => name.toLowerCase() === "x-sent")?.[1] ?? "[]";
  return { headers: [["x-host", authority], ["x-seen", JSON.stringify(headers)], ...(JSON.parse(wanted) as [string, string][])] };
};

describe("operations on headers", () => {
  let mesh: EchoMesh;

  beforeAll(async () => {
    const object = (name: string, route: object | undefined, destination: object | undefined, weights: number) => {
      const headers = (operations: object | undefined) =>
        operations === undefined ? {} : { headers: { request: operations, response: operations } };
      const destinations = Array.from({ length: weights }, (_, index) =>
        to(`reviews/v${index + 1}`, { weight: 100 / weights, ...headers(destination) }),
      );
      return virtualService(name, [`${name}.test`], [{ route: destinations, ...headers(route) }]);
    };
    const authority = (name: string, route: object, destination: object, weights: number) =>
      virtualService(
        name,
        [`${name}.test`],
        [
          {
            headers: { request: route },
            route: Array.from({ length: weights }, (_, index) =>
              to(`reviews/v${index + 1}`, { weight: 100 / weights, headers: { request: destination } }),
            ),
          },
        ],
      );
    mesh = await EchoMesh.start({
      objects: [
        ...ROWS.map(({ route, destination }, index) => object(`row-${index}`, route, destination, 1)),
        ...BOTH.flatMap(({ route, destination }, index) =>
          [1, 2].map((weights) => object(`both-${index}-${weights}`, route, destination, weights)),
        ),
        ...AUTHORITIES.flatMap(([, route, destination], index) =>
          [1, 2].map((weights) => authority(`authority-${index}-${weights}`, route, destination, weights)),
        ),
        virtualService(
          "rewritten",
          ["rewritten.test"],
          [
            {
              rewrite: { authority: "rewrite.test" },
              headers: { request: { set: { host: "route.test" } } },
              route: [to("reviews", { headers: { request: { set: { host: "destination.test" } } } })],
            },
          ],
        ),
      ],
      scripts: { "reviews-v1": both, "reviews-v2": both },
    });
  });
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]();
  });

  /** Headers of a name, as the service saw them. */
  function seenBy({ headers }: Told, name: string): string | undefined {
    const values = (JSON.parse(headers["x-seen"] ?? "[]") as [string, string][])
      .filter(([key]) => key.toLowerCase() === name)
      .map(([, value]) => value);
    return values.length === 0 ? undefined : values.join(", ");
  }

  async function expectHeaders(host: string, sent: Row["sent"], gets: Row["gets"]): Promise<void> {
    const request = await mesh.ask(host, { headers: sent ?? [] });
    const response = await mesh.ask(host, {
      headers: [
        ["x-b", "2"],
        ["x-sent", JSON.stringify((sent ?? []).filter(([name]) => name !== "x-b"))],
      ],
    });
    for (const [name, value] of Object.entries(gets)) {
      expect(["request", seenBy(request, name)]).toEqual(["request", value]);
      expect(["response", response.headers[name]]).toEqual(["response", value]);
    }
  }

  test.each(ROWS.map((row, index) => [row.what, index, row] as const))("%s", async (_what, index, { sent, gets }) => {
    await expectHeaders(`row-${index}.test`, sent, gets);
  });

  test.each(BOTH.map((row, index) => [row.what, index, row] as const))(
    "%s: the only destination comes last, several come first",
    async (_what, index, { sent, gets, weighted }) => {
      await expectHeaders(`both-${index}-1.test`, sent, gets);
      await expectHeaders(`both-${index}-2.test`, sent, weighted);
    },
  );

  test.each(AUTHORITIES.map(([what, , , single, weighted], index) => [what, index, single, weighted] as const))(
    "a host is the request's authority: %s",
    async (_what, index, single, weighted) => {
      expect((await mesh.ask(`authority-${index}-1.test`)).headers["x-host"]).toBe(single);
      expect((await mesh.ask(`authority-${index}-2.test`)).headers["x-host"]).toBe(weighted);
    },
  );

  test("a rewrite of the host beats them", async () => {
    expect((await mesh.ask("rewritten.test")).headers["x-host"]).toBe("rewrite.test");
  });
});
