import { create, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ControlService } from "./control-service.ts";
import { DeltaDiscoveryRequestSchema } from "./envoy-api/generated/envoy/service/discovery/v3/discovery_pb.ts";
import { XdsError } from "./xds/server/index.ts";

test("a flood of clients that are refused is refused, one by one, and is a few lines in the log", async () => {
  const lines: string[] = [];
  const write = (_: object, message: string) => void lines.push(message);
  await using control = await ControlService.start({
    sources: [],
    log: { info: write, warn: write, error: write },
    authorize: async () => {
      throw new XdsError("UNAUTHENTICATED", "no certificate");
    },
  });
  const node = { id: "sidecar~10.0.0.1~a.default~default.svc.cluster.local" };
  const typeUrl = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
  const request = Buffer.from(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { node, typeUrl })));
  const ended: (string | undefined)[] = [];
  const start = performance.now();
  for (let i = 0; i < 1000; i++) {
    const sink = { send: () => undefined, end: (error?: XdsError) => void ended.push(error?.code) };
    await control.xds.open({ variant: "delta", service: undefined, peer: `127.0.0.1:${i}`, credentials: undefined, sink }).receive(request);
  }
  await expect.poll(() => ended).toHaveLength(1000);
  expect(new Set(ended)).toEqual(new Set(["UNAUTHENTICATED"]));
  // For each second that it took, twenty refused and twenty gone, and how many more of both.
  const seconds = Math.floor((performance.now() - start) / 1000) + 2;
  expect(lines.length).toBeLessThanOrEqual(42 * seconds);
  expect(control.proxies()).toEqual([]);
});
