import { expect, test } from "vitest";
import { until } from "../until.ts";
import { Load } from "./load.ts";
import { Bookshop, routes } from "./tasks/bookshop.ts";

/** A soak has more of them. */
const PUSHES = Number(process.env["MESHWRIGHT_PUSHES"] ?? 60);

const VERSIONS = ["v1", "v2", "v3"] as const;
const subset = (version: string, weight: number) => ({ destination: { host: "reviews", subset: version }, weight });

/** What a busy operator does: weights move, subsets come and go with the rules that use them, and services beside it. */
function edit(push: number): Readonly<Record<string, string | undefined>> {
  const from = VERSIONS[push % 3] ?? "v1";
  const to = VERSIONS[(push + 1) % 3] ?? "v1";
  const share = (push * 37) % 101;
  const name = `extra-${push % 5}`;
  const isThere = push % 2 === 0;
  const own = `canary-${push}`;
  return {
    "rules.yaml":
      push % 3 === 0
        ? `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews-canary }
spec: { host: reviews, subsets: [{ name: ${own}, labels: { version: ${to} } }] }
${routes("reviews", [{ route: [subset(own, 100)] }])}`
        : routes("reviews", [{ route: [subset(from, 100 - share), subset(to, share)] }]),
    [`${name}.yaml`]: isThere
      ? `
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { selector: { app: reviews }, ports: [{ name: http, port: 9080 }] }
`
      : undefined,
  };
}

test(
  `${PUSHES} pushes that move traffic and add and remove services lose no request`,
  async () => {
    await using shop = await Bookshop.start();
    await using load = new Load(shop.page.outbound("240.240.0.1:9080"), ["reviews:9080", "ratings:9080"]);
    for (let push = 0; push < PUSHES; push++) {
      const before = load.answered;
      await shop.mesh.apply(edit(push));
      await until(
        "requests were answered by what was pushed",
        async () => load.answered + load.lost.length,
        (answers) => answers >= before + 5,
      );
    }
    expect(load.lost).toEqual([]);
    expect(load.answered).toBeGreaterThan(PUSHES * 5);
  },
  60_000 + PUSHES * 1_000,
);
