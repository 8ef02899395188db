import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RunningEnvoy, RunningMesh } from "../running-mesh.ts";

// Istio's task "TCP Traffic Shifting": connections from one version to another by weights.

let mesh: RunningMesh;
let client: RunningEnvoy;
const servers: Server[] = [];

/** Answers what it gets with its version in front. */
async function echo(version: string): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", (bytes) => socket.end(`${version} ${bytes.toString()}`));
  }).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const workload = (version: string, port: number) => `
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: { name: echo-${version} }
spec: { address: 127.0.0.1, ports: { tcp: ${port} }, labels: { app: echo, version: ${version} } }`;

const weighted = (weights: Readonly<Record<string, number>>) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: echo }
spec:
  hosts: [echo]
  tcp:
    - match: [{ port: 9000 }]
      route: ${JSON.stringify(
        Object.entries(weights).map(([subset, weight]) => ({ destination: { host: "echo", port: { number: 9000 }, subset }, weight })),
      )}
`;

beforeAll(async () => {
  const [v1, v2] = [await echo("one"), await echo("two")];
  const services = `
apiVersion: v1
kind: Service
metadata: { name: echo }
spec: { clusterIP: 10.20.0.1, selector: { app: echo }, ports: [{ name: tcp, port: 9000 }] }
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: echo }
spec: { host: echo, subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }] }
${workload("v1", v1)}
${workload("v2", v2)}
`;
  mesh = await RunningMesh.start({ "services.yaml": services, "rules.yaml": weighted({ v1: 100 }) });
  client = await mesh.proxy("sidecar~10.0.0.1~client.default~default.svc.cluster.local");
});
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
  for (const server of servers) server.close();
});

async function count(times: number): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (let done = 0; done < times; done += 10) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => client.redirected("outbound", "10.20.0.1:9000", "hello")));
    for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
  }
  return counts;
}

test("all connections go to one version at first", async () => {
  expect(await count(30)).toEqual({ "one hello": 30 });
});

test("some go over", async () => {
  await mesh.apply({ "rules.yaml": weighted({ v1: 50, v2: 50 }) });
  const { "one hello": one = 0, "two hello": two = 0, ...others } = await count(100);
  expect(others).toEqual({});
  expect(one).toBeGreaterThan(20);
  expect(two).toBeGreaterThan(20);
});

test("all of them go over in the end", async () => {
  await mesh.apply({ "rules.yaml": weighted({ v2: 100 }) });
  expect(await count(30)).toEqual({ "two hello": 30 });
});
