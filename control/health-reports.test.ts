import { expect, test } from "vitest";
import type { ControlLog } from "./log.ts";
import { type ConnectedAs, connectedAs } from "./connecting-proxies.ts";
import type { Receipt } from "./health/index.ts";
import { healthReports } from "./health-reports.ts";
import { type Proxy, readProxy } from "./model/index.ts";
import { XdsError } from "./xds/server/index.ts";

const ID = "sidecar~10.0.0.1~a.default~default.svc.cluster.local";
const REPORT = { node: ID, time: 1, clusters: [], hosts: [], leftOut: 0 };
const TOKEN = "the-token-of-the-mesh";

interface Bench {
  /** `null`: it is not. */
  readonly connected?: ConnectedAs | null;
  readonly refusal?: XdsError;
  readonly receipt?: Receipt;
  readonly on?: boolean;
}

function bench({ connected = { id: ID, proved: false }, refusal, receipt = "taken", on = true }: Bench) {
  const lines: string[] = [];
  const results: string[] = [];
  const write = (...line: unknown[]) => void lines.push(JSON.stringify(line));
  const log: ControlLog = { info: write, warn: write, error: write };
  const health = { isToken: (given: string) => given === TOKEN, report: () => receipt, interval: 10_000 };
  const service = {
    health: on ? health : undefined,
    connectedAs: () => (refusal === undefined ? Promise.resolve(connected ?? undefined) : Promise.reject(refusal)),
    metrics: { healthReported: (result: string) => void results.push(result) },
  } as unknown as Parameters<typeof healthReports>[0];
  const receive = healthReports(service, log);
  const send = (report: unknown = REPORT, path = `/api/v1/health-reports?token=${TOKEN}`, method = "POST") =>
    receive({ method, path, body: new TextEncoder().encode(JSON.stringify(report)), credentials: {}, peer: "127.0.0.1:1" });
  return { send, lines, results };
}

test.each<readonly [string, Bench, Parameters<ReturnType<typeof bench>["send"]>, number, string]>([
  ["by the token", {}, [], 202, "taken"],
  ["by a certificate", { connected: { id: ID, proved: true } }, [REPORT, "/api/v1/health-reports"], 202, "taken"],
  ["late", { receipt: "late" }, [], 409, "late"],
  ["early", { receipt: "early" }, [], 429, "early"],
  ["without a token", {}, [REPORT, "/api/v1/health-reports"], 401, "refused"],
  ["with another token", {}, [REPORT, `/api/v1/health-reports?token=${TOKEN}x`], 401, "refused"],
  ["with another's certificate", { refusal: new XdsError("PERMISSION_DENIED", "not yours") }, [], 403, "refused"],
  ["with a certificate that is not good", { refusal: new XdsError("UNAUTHENTICATED", "expired") }, [], 401, "refused"],
  ["of a proxy that is not connected", { connected: null }, [], 403, "refused"],
  ["that is none", {}, [{}], 400, "malformed"],
  ["by GET", {}, [REPORT, undefined, "GET"], 405, "refused"],
  ["elsewhere", {}, [REPORT, "/api/v1/objects"], 404, "unknown"],
  ["where it is off", { on: false }, [], 503, "off"],
])("a report %s", async (_, options, request, status, result) => {
  const { send, lines, results } = bench(options);
  expect((await send(...request)).status).toBe(status);
  expect(results).toEqual([result]);
  expect(lines.join("")).not.toContain(TOKEN);
  expect(lines).toHaveLength(status === 401 || status === 403 ? 1 : 0);
});

function proxy(id: string, namespace: string): Proxy {
  const read = readProxy({ id, metadata: { NAMESPACE: namespace } });
  if (typeof read === "string") throw new Error(read);
  return read;
}

test("of proxies with one id, that which the certificate is for", async () => {
  const other = `${ID} (other/default)`;
  const proxies = new Map([
    [ID, proxy(ID, "default")],
    [other, { ...proxy(ID, "other"), id: other }],
  ]);
  const as = (namespace: string) =>
    connectedAs(
      (id) => proxies.get(id),
      proxies.keys(),
      ID,
      { credentials: {}, peer: "" },
      async (each) => {
        if (each.namespace !== namespace) throw new XdsError("PERMISSION_DENIED", "for another");
        return { identity: { name: namespace, notAfter: 0 } };
      },
    );
  expect(await as("default")).toEqual({ id: ID, proved: true });
  expect(await as("other")).toEqual({ id: other, proved: true });
  await expect(as("third")).rejects.toThrow("for another");
  expect(await connectedAs(() => undefined, [], ID, { credentials: {}, peer: "" }, undefined)).toBeUndefined();
});
