import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { meshwright } from "../testing/run.ts";

const EVIDENCE = { bad: 0, good: 0, silent: 0, callers: [] };
const REVIEWS = { service: "reviews.default.svc.cluster.local", port: 9080, times: 1, evidence: EVIDENCE };

/** An administration interface that answers this, and the parameters that name it. */
async function answering(status: object): Promise<readonly string[]> {
  const server = createServer((_, response) => response.setHeader("content-type", "application/json").end(JSON.stringify(status)));
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return ["status", "--admin", `http://127.0.0.1:${(server.address() as AddressInfo).port}`];
}

test("hosts that mesh-wide health has out are shown, since when and why, and are no failure of the command", async () => {
  const out = [
    { ...REVIEWS, address: "10.0.0.1:9080", state: "out", share: 0, since: 0, until: 30_000, reason: "3 of 5 callers find it bad" },
    { ...REVIEWS, address: "10.0.0.22:9080", state: "returning", share: 30, since: 1_000, until: 31_000 },
  ];
  const asked = await answering({ proxies: [], health: { on: true, out } });
  expect(await meshwright(asked)).toEqual({
    code: 0,
    errors: "",
    output: `no proxy is connected

out for all by mesh-wide health:
HOST            SERVICE                                 STATE          SINCE                     UNTIL                     WHY
10.0.0.1:9080   reviews.default.svc.cluster.local:9080  OUT            1970-01-01T00:00:00.000Z  1970-01-01T00:00:30.000Z  3 of 5 callers find it bad
10.0.0.22:9080  reviews.default.svc.cluster.local:9080  RETURNING 30%  1970-01-01T00:00:01.000Z  1970-01-01T00:00:31.000Z  not known: an older service decided it
`,
  });
  expect(JSON.parse((await meshwright([...asked, "--output", "json"])).output)).toMatchObject({ health: { out } });
});

test.each([
  ["none is out", { proxies: [], health: { on: true, out: [] } }],
  ["the service is of an older version", { proxies: [] }],
])("nothing is said of hosts where %s", async (_, status) => {
  expect(await meshwright(await answering(status))).toMatchObject({ code: 0, output: "no proxy is connected\n" });
});
