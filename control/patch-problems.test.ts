import { create, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ControlService } from "./control-service.ts";
import { ClusterSchema } from "./envoy-api/generated/envoy/config/cluster/v3/cluster_pb.ts";
import { DeltaDiscoveryRequestSchema } from "./envoy-api/generated/envoy/service/discovery/v3/discovery_pb.ts";
import { typeUrl } from "./envoy-api/index.ts";
import type { ControlLog } from "./log.ts";
import { formatProblem } from "./model/index.ts";
import { expectedPatchProblems } from "./patch-problems.ts";
import { MemorySource } from "./sources/memory/index.ts";
import { meshOfYaml } from "./xds/types/testing/yaml-view.ts";

const WORKLOAD = `
apiVersion: v1
kind: Service
metadata: { name: client }
spec: { clusterIP: 10.9.0.9, selector: { app: client }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: client-1, labels: { app: client } }
status: { podIP: 10.0.0.1 }
---
`;
const LUA = `{ name: lua, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua } }`;
const MANAGER = "filter: { name: envoy.filters.network.http_connection_manager, subFilter: { name:";

const PATCHES = `apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: patches }
spec:
  configPatches:
    - applyTo: CLUSTER
      patch: { operation: MERGE, value: { connect_timeout: 1s } }
    - applyTo: CLUSTER
      match: { cluster: { service: nobody.test } }
      patch: { operation: REMOVE }
    - applyTo: HTTP_FILTER
      match: { context: SIDECAR_INBOUND, listener: { portNumber: 8080, filterChain: { ${MANAGER} envoy.filters.http.router } } } } }
      patch: { operation: INSERT_AFTER, value: ${LUA} }
    - applyTo: CLUSTER
      match: { cluster: { name: BlackHoleCluster } }
      patch: { operation: MERGE, value: { name: other } }
    - applyTo: HTTP_FILTER
      match: { context: SIDECAR_INBOUND, listener: { filterChain: { ${MANAGER} envoy.filters.http.rbac } } } } }
      patch: { operation: REMOVE }
    - applyTo: LISTENER
      match: { context: GATEWAY, listener: { name: nobody } }
      patch: { operation: REMOVE }
    - applyTo: CLUSTER
      match: { proxy: { proxyVersion: "^1\\\\.2" } }
      patch: { operation: REMOVE }
`;

test("what patches come to is told without proxies, as far as objects tell which there are", () => {
  expect(expectedPatchProblems(meshOfYaml(WORKLOAD + PATCHES)).map(formatProblem)).toEqual([
    expect.stringMatching(/warning MW0010 spec\.configPatches\[1\]: REMOVE for CLUSTER has no effect: it matches nothing that sidecar~/),
    expect.stringMatching(
      /error MW0016 spec\.configPatches\[2\]\.patch: cannot be applied to virtualInbound, .*: puts a filter behind envoy\.filters\.http\.router, which has to be the last/,
    ),
    expect.stringMatching(
      /error MW0016 spec\.configPatches\[3\]\.patch: cannot be applied to BlackHoleCluster, .*would rename the cluster to "other"/,
    ),
    expect.stringMatching(/warning MW0010 spec\.configPatches\[4\]: REMOVE for HTTP_FILTER has no effect/),
  ]);
  expect(expectedPatchProblems(meshOfYaml(WORKLOAD))).toEqual([]);
});

test("of connected proxies it is in the log, once, and among the problems until it is mended", async () => {
  const log: string[] = [];
  const line = (fields: object, message: string) => void log.push(`${JSON.stringify(fields)} ${message}`);
  const source = new MemorySource({ "a.yaml": WORKLOAD, "b.yaml": PATCHES });
  await using control = await ControlService.start({
    sources: [source],
    log: { info: () => undefined, warn: line, error: line } satisfies ControlLog,
  });
  const about = (what: string) => log.filter((each) => each.includes(what)).length;
  const codes = () => control.problems().map(({ code, path }) => `${code} ${path.join(".")}`);
  expect(codes()).toEqual([]);
  const stream = control.xds.open({
    variant: "delta",
    service: undefined,
    peer: "127.0.0.1:1",
    credentials: undefined,
    sink: { send: (_, __, done) => done(), end: () => undefined },
  });
  const request = create(DeltaDiscoveryRequestSchema, {
    node: { id: "sidecar~10.0.0.1~client-1.default~default.svc.cluster.local" },
    typeUrl: typeUrl(ClusterSchema),
  });
  await stream.receive(Buffer.from(toBinary(DeltaDiscoveryRequestSchema, request)));
  await expect.poll(() => about("cannot be applied to virtualInbound")).toBe(1);
  const found = [
    "MW0010 spec.configPatches.1",
    "MW0016 spec.configPatches.2.patch",
    "MW0016 spec.configPatches.3.patch",
    "MW0010 spec.configPatches.4",
  ];
  expect(codes()).toEqual(found);
  source.apply({ "c.yaml": WORKLOAD.replace("name: client }", "name: another }").split("---")[0] ?? "" });
  await control.refresh();
  await new Promise(setImmediate);
  expect([about("cannot be applied to virtualInbound"), about("matches nothing")]).toEqual([1, 2]);
  source.apply({ "b.yaml": "" });
  await control.refresh();
  await expect.poll(codes).toEqual([]);
  stream.close();
});
