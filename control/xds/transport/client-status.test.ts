import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { credentials, status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { ClientResourceStatus } from "../../envoy-api/generated/envoy/admin/v3/config_dump_shared_pb.ts";
import {
  ClientStatusRequestSchema,
  ClientStatusResponseSchema,
  ConfigStatus,
} from "../../envoy-api/generated/envoy/service/status/v3/csds_pb.ts";
import { resourcesOf } from "../server/testing/mesh.ts";
import { CLUSTER, MapSnapshot, SECRET } from "../server/testing/snapshot.ts";
import { selfSigned, unchanging } from "./testing/certificate.ts";
import { TestControl } from "./testing/control.ts";
import { DeltaCall, RawCall } from "./testing/grpc-client.ts";

const STREAM = "/envoy.service.status.v3.ClientStatusDiscoveryService/StreamClientStatus";
const MESH = new MapSnapshot("1", { [CLUSTER]: resourcesOf({ a: "1", b: "1" }), [SECRET]: resourcesOf({ key: "private" }) });

function requestOf(init: MessageInitShape<typeof ClientStatusRequestSchema>): Uint8Array {
  return toBinary(ClientStatusRequestSchema, create(ClientStatusRequestSchema, init));
}

/** A service with one proxy that has accepted all but a change of `b`, which it refused. */
async function mesh() {
  const control = await TestControl.start(MESH);
  const proxy = new DeltaCall(control.listener.port, "proxy-1");
  proxy.request({ typeUrl: CLUSTER });
  proxy.ack(await proxy.response());
  proxy.request({ typeUrl: SECRET, resourceNamesSubscribe: ["key"] });
  proxy.ack(await proxy.response());
  const settled = control.push({ [CLUSTER]: resourcesOf({ a: "1", b: "bad" }) });
  proxy.nack(await proxy.response(), "b is bad");
  await settled;
  return { control, proxy };
}

describe("CSDS", () => {
  test("says what every client is to have, and whether it has accepted it", async () => {
    const { control, proxy } = await mesh();
    await using _control = control;
    using _proxy = proxy;
    using asker = new RawCall(control.listener.port, STREAM);
    asker.send(requestOf({}));
    const { config } = fromBinary(ClientStatusResponseSchema, await asker.next());
    expect(config.map(({ node }) => node?.id)).toEqual(["proxy-1"]);
    const shown = config[0]?.genericXdsConfigs.map((one) => [one.name, one.configStatus, one.clientStatus, one.errorState?.details]);
    expect(shown).toEqual([
      ["a", ConfigStatus.SYNCED, ClientResourceStatus.ACKED, undefined],
      ["b", ConfigStatus.ERROR, ClientResourceStatus.NACKED, "b is bad"],
      ["key", ConfigStatus.SYNCED, ClientResourceStatus.ACKED, undefined],
    ]);
    const contents = config[0]?.genericXdsConfigs.map(({ xdsConfig }) => xdsConfig && Buffer.from(xdsConfig.value).toString());
    expect(contents, "a secret is shown to nobody").toEqual(["a=1", "b=bad", undefined]);
  });

  test("finds clients by their id, and leaves out contents", async () => {
    const { control, proxy } = await mesh();
    await using _control = control;
    using _proxy = proxy;
    using asker = new RawCall(control.listener.port, STREAM);
    const prefix = (value: string) => ({ nodeId: { matchPattern: { case: "prefix" as const, value } } });
    asker.send(requestOf({ nodeMatchers: [prefix("other-")] }));
    expect(fromBinary(ClientStatusResponseSchema, await asker.next()).config).toEqual([]);
    asker.send(requestOf({ nodeMatchers: [prefix("other-"), prefix("proxy-")], excludeResourceContents: true }));
    const { config } = fromBinary(ClientStatusResponseSchema, await asker.next());
    expect(config[0]?.genericXdsConfigs.map(({ xdsConfig }) => xdsConfig)).toEqual([undefined, undefined, undefined]);
  });

  test("answers once as well as in a stream", async () => {
    const { control, proxy } = await mesh();
    await using _control = control;
    using _proxy = proxy;
    using asker = new RawCall(control.listener.port, STREAM.replace("StreamClient", "FetchClient"));
    asker.send(requestOf({}));
    asker.halfClose();
    expect(fromBinary(ClientStatusResponseSchema, await asker.next()).config).toHaveLength(1);
    expect((await asker.status).code).toBe(status.OK);
  });

  test("over TLS tells of nobody by itself, and else of whom the asker may know", async () => {
    const certificate = unchanging(selfSigned());
    const roots = Buffer.from(certificate.current().certificate);
    const channel = credentials.createSsl(roots, null, null, { checkServerIdentity: () => undefined });
    for (const visible of [undefined, false, true]) {
      await using control = await TestControl.start(MESH, {
        certificate,
        ...(visible !== undefined && { visibleTo: async () => () => visible }),
      });
      using proxy = new DeltaCall(control.listener.port, "proxy-1", undefined, channel);
      proxy.request({ typeUrl: CLUSTER });
      await proxy.response();
      using asker = new RawCall(control.listener.port, STREAM, channel);
      asker.send(requestOf({}));
      const { config } = fromBinary(ClientStatusResponseSchema, await asker.next());
      expect(config).toHaveLength(visible === true ? 1 : 0);
    }
  });

  test("refuses what it does not understand", async () => {
    await using control = await TestControl.start(MESH);
    using asker = new RawCall(control.listener.port, STREAM);
    asker.send(Buffer.alloc(10, 0xff));
    expect(await asker.status).toMatchObject({ code: status.INVALID_ARGUMENT, details: "not a ClientStatusRequest" });
  });
});
