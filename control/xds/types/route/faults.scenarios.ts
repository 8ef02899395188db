import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EchoMesh, echo, to, virtualService } from "../testing/echo-mesh.ts";

const all = { percentage: { value: 100 } };
const delay = { fixedDelay: "300ms" };
const grpc = [["content-type", "application/grpc"]] as const;

const FAULTS: Readonly<Record<string, object>> = {
  "delay-all": { delay: { ...delay, ...all } },
  "delay-older": { delay: { ...delay, percent: 100 } },
  "delay-none": { delay },
  "delay-zero": { delay: { ...delay, percentage: { value: 0 } } },
  "delay-older-none": { delay: { ...delay, percent: 0 } },
  "delay-least": { delay: { ...delay, percentage: { value: 0.0001 } } },
  "abort-all": { abort: { httpStatus: 418, ...all } },
  "abort-none": { abort: { httpStatus: 418 } },
  "abort-zero": { abort: { httpStatus: 418, percentage: {} } },
  "abort-half": { abort: { httpStatus: 418, percentage: { value: 50 } } },
  "abort-grpc": { abort: { grpcStatus: "UNAVAILABLE", ...all } },
  both: { delay: { ...delay, ...all }, abort: { httpStatus: 503, ...all } },
};

const GRPC = { OK: "0", CANCELLED: "1", NOT_FOUND: "5", UNAUTHENTICATED: "16" };

describe("faults and timeouts", () => {
  let mesh: EchoMesh;

  beforeAll(async () => {
    const route = [to("reviews/v1")];
    mesh = await EchoMesh.start({
      objects: [
        ...Object.entries(FAULTS).map(([name, fault]) => virtualService(name, [`${name}.test`], [{ fault, route }])),
        ...Object.keys(GRPC).map((grpcStatus) => {
          const name = grpcStatus.toLowerCase().replace("_", "-");
          return virtualService(name, [`${name}.test`], [{ fault: { abort: { grpcStatus, ...all } }, route }]);
        }),
        virtualService(
          "some",
          ["some.test"],
          [{ match: [{ headers: { "x-fault": {} } }], fault: { abort: { httpStatus: 400, ...all } }, route }, { route }],
        ),
        virtualService("timeout", ["timeout.test"], [{ timeout: "150ms", route: [to("reviews/v2")] }]),
        virtualService("patient", ["patient.test"], [{ timeout: "20s", route: [to("reviews/v2")] }]),
        virtualService("endless", ["endless.test"], [{ route: [to("reviews/v2")] }]),
      ],
      scripts: { "reviews-v2": async (request) => ({ ...(await echo("reviews-v2")(request)), delay: 400 }) },
    });
  });
  afterAll(async () => {
    await mesh?.[Symbol.asyncDispose]();
  });

  test.each(["delay-all", "delay-older"])("%s: requests wait, and are answered", async (name) => {
    const { elapsed, seen } = await mesh.ask(`${name}.test`);
    expect(elapsed).toBeGreaterThanOrEqual(295);
    expect(seen?.by).toBe("reviews-v1");
  });

  test.each(["delay-none", "delay-zero", "delay-older-none", "delay-least"])("%s: none of 20 waits", async (name) => {
    const delays = async () => (await mesh.proxy.envoy.admin.stats("fault.delays_injected")).values;
    const before = await delays();
    for (let left = 20; left > 0; left--) expect((await mesh.ask(`${name}.test`)).seen?.by).toBe("reviews-v1");
    expect(await delays()).toEqual(before);
  });

  test("abort-all: the service sees nothing", async () => {
    const before = mesh.upstream("reviews-v1").requests.length;
    expect(await mesh.ask("abort-all.test")).toMatchObject({ status: 418, body: "fault filter abort" });
    expect(mesh.upstream("reviews-v1").requests.length).toBe(before);
  });

  test.each(["abort-none", "abort-zero"])("%s: none of 20 is refused", async (name) => {
    for (let left = 20; left > 0; left--) expect((await mesh.ask(`${name}.test`)).status).toBe(200);
  });

  test("abort-half: half of them are", async () => {
    let refused = 0;
    for (let left = 200; left > 0; left -= 20)
      for (const { status } of await Promise.all(Array.from({ length: 20 }, () => mesh.ask("abort-half.test"))))
        if (status === 418) refused++;
    expect(refused).toBeGreaterThan(60);
    expect(refused).toBeLessThan(140);
  });

  test.each(Object.entries(GRPC))("a status of gRPC: %s", async (name, status) => {
    const told = await mesh.ask(`${name.toLowerCase().replace("_", "-")}.test`, { method: "POST", headers: grpc });
    expect([told.status, told.headers["grpc-status"]]).toEqual([200, status]);
    expect(told.seen).toBeUndefined();
  });

  test("a status of gRPC is 200 to who speaks none", async () => {
    expect(await mesh.ask("abort-grpc.test")).toMatchObject({ status: 200, seen: undefined });
  });

  test("both: first the one, then the other", async () => {
    const { elapsed, status } = await mesh.ask("both.test");
    expect(elapsed).toBeGreaterThanOrEqual(295);
    expect(status).toBe(503);
  });

  test("faults are those of the route that was chosen", async () => {
    expect((await mesh.ask("some.test", { headers: [["x-fault", "1"]] })).status).toBe(400);
    expect((await mesh.ask("some.test")).status).toBe(200);
  });

  test("a timeout ends what takes longer", async () => {
    expect(await mesh.ask("timeout.test")).toMatchObject({ status: 504, body: "upstream request timeout" });
    expect((await mesh.ask("patient.test")).seen?.by).toBe("reviews-v2");
  });

  test("there is none where nobody says", async () => {
    expect((await mesh.ask("endless.test")).seen?.by).toBe("reviews-v2");
  });

  test("a client of gRPC may want less, and no more", async () => {
    const status = async (host: string, timeout: string) =>
      (await mesh.ask(host, { headers: [...grpc, ["grpc-timeout", timeout]] })).headers["grpc-status"];
    expect(await status("endless.test", "100m")).toBe("14");
    expect(await status("timeout.test", "20S")).toBe("14");
    expect((await mesh.ask("patient.test", { headers: [...grpc, ["grpc-timeout", "20S"]] })).seen?.by).toBe("reviews-v2");
  });
});
