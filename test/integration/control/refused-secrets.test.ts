import { writeFile } from "node:fs/promises";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { XdsError } from "../../../control/xds/server/index.ts";
import { TestAuthority } from "../../../control/xds/types/testing/authority.ts";
import { until } from "../until.ts";
import { RunningMesh } from "./running-mesh.ts";

const CLIENT = "sidecar~10.0.0.1~client.default~default.svc.cluster.local";

const SERVICE = (name: string, tls: string) => `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name} }
spec: { hosts: [${name}.test], ports: [{ number: 80, name: http, protocol: HTTP }], resolution: STATIC, endpoints: [{ address: 127.0.0.1 }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: ${name} }
spec: { host: ${name}.test, trafficPolicy: { tls: { sni: server.test, ${tls} } } }`;

const SECRET = (name: string, certificate: string, key: string) => `
---
apiVersion: v1
kind: Secret
metadata: { name: ${name} }
type: kubernetes.io/tls
stringData: { tls.crt: ${JSON.stringify(certificate)}, tls.key: ${JSON.stringify(key)}, ca.crt: ${JSON.stringify(certificate)} }`;

describe("a secret that a proxy refuses is shown as refused", () => {
  let folder: string;
  let mesh: RunningMesh;
  let good: { readonly certificate: string; readonly key: string };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "refused-"));
    const authority = await TestAuthority.create();
    good = await authority.issue("client.test");
    await writeFile(join(folder, "c.pem"), good.certificate);
    // The key of another certificate.
    await writeFile(join(folder, "k.pem"), (await authority.issue("client.test")).key);
    const pair = `clientCertificate: ${folder}/c.pem, privateKey: ${folder}/k.pem`;
    mesh = await RunningMesh.start({
      "pair.yaml": SERVICE("pair", `mode: MUTUAL, ${pair}`),
      "missing.yaml": SERVICE("missing", `mode: SIMPLE, caCertificates: ${folder}/missing.pem`),
      "good.yaml": SERVICE("good", "mode: MUTUAL, credentialName: good") + SECRET("good", good.certificate, good.key),
    });
    // It has not everything, and cannot have it.
    await mesh.proxy(CLIENT).catch(() => undefined);
  });
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const reasons = async () =>
    mesh.service.xds.status().flatMap(({ types }) => types.flatMap(({ refused }) => refused.map(({ reason }) => reason)));
  const shown = (): readonly unknown[] => [
    expect.stringContaining("KEY_VALUES_MISMATCH"),
    expect.stringContaining(`${folder}/missing.pem`),
  ];

  test("at once", async () => {
    await until("both are refused", reasons, ({ length }) => length === 2);
    expect((await reasons()).toSorted()).toEqual(shown());
  });

  test("beside others that it takes later", async () => {
    await mesh.apply({ "later.yaml": SERVICE("later", "mode: SIMPLE") }).catch(() => undefined);
    await until("both are refused", reasons, ({ length }) => length === 2);
    expect((await reasons()).toSorted()).toEqual(shown());
  });

  test("after it has connected again", async () => {
    const [before] = mesh.service.xds.status();
    for (const stream of mesh.service.xds.streams()) stream.end(new XdsError("UNAVAILABLE", "for a test"));
    await until(
      "it is there again",
      async () => mesh.service.xds.status()[0],
      (now) => now !== undefined && now.stream !== before?.stream,
    );
    await until("both are refused", reasons, ({ length }) => length === 2);
    expect((await reasons()).toSorted()).toEqual(shown());
  });

  test("after a restart of the control service, which knows nothing of it", async () => {
    await mesh.stopControl();
    await mesh.startControl();
    await until("both are refused", reasons, ({ length }) => length === 2);
    expect((await reasons()).toSorted()).toEqual(shown());
  });

  test("until what it missed is there: files of which it is told nothing, too, when it is asked again", async () => {
    await writeFile(join(folder, "missing.pem"), good.certificate);
    await mesh.apply({ "pair.yaml": SERVICE("pair", "mode: MUTUAL, credentialName: good") }).catch(() => undefined);
    // Where it looks at the roots once more before it has given up the old pair, it refuses them for that, and is asked again half a minute later (StreamLimits).
    await expect.poll(reasons, { timeout: 60_000 }).toEqual([]);
    await mesh.settled();
  }, 120_000);
});
