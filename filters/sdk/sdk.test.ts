import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { Host, ManualClock, type PluginHandle } from "../../harness/host/index.ts";
import { compileFilter } from "../testing/assembly.ts";

// What needs a look inside: many streams, several configurations, time, memory. What can be seen from outside is in sdk.scenarios.ts.

let module: string;
let headerJob: string;

beforeAll(async () => {
  module = await compileFilter(join(import.meta.dirname, "testing/index.ts"));
  headerJob = await compileFilter(join(import.meta.dirname, "../../test/bench/header-job/stateful/index.ts"));
}, 120_000);

function start(rootId: string, configuration: string = ""): { host: Host; clock: ManualClock; plugin: PluginHandle } {
  const clock = new ManualClock();
  const host = new Host({ clock, instances: { canary: false, mainThread: false, workers: 1 } });
  host.clusters.set("backend", {
    grpc: ({ service, method, message }) =>
      message.length > 0 && service === "test.Echo"
        ? { message: Buffer.from(`${method}: ${Buffer.from(message).toString()}`) }
        : { status: 3 },
  });
  return { host, clock, plugin: host.load({ name: "test", module, rootId, configuration }) };
}

const does = (action: string) => ({ path: "/", headers: [["x-do", action] as const] });

describe("configurations", () => {
  test("an old one serves the streams that began with it, beside the new one", () => {
    const { host, plugin } = start("echo", "first");
    const chain = host.chain([plugin]);
    const early = chain.request({ path: "/" });
    plugin.update("second");
    const late = chain.request({ path: "/" });
    late.respond();
    early.respond();
    expect(early.responseHeader("x-configuration")).toBe("first");
    expect(late.responseHeader("x-configuration")).toBe("second");
  });

  test("a refused one leaves the old one serving", () => {
    const { host, plugin } = start("echo", "first");
    expect(() => plugin.update("refuse me")).toThrow();
    const stream = host.chain([plugin]).request({ path: "/" });
    stream.respond();
    expect(stream.responseHeader("x-configuration")).toBe("first");
    expect(host.logs.lines.map(({ message }) => message)).toContain("configuration of test refused: line 1: asked to refuse");
  });

  test("a root_id that no filter of the module has is refused by naming those that there are", () => {
    const host = new Host();
    expect(() => host.load({ name: "test", module, rootId: "nobody" })).toThrow();
    expect(host.logs.lines.map(({ message }) => message).join("\n")).toContain("it must be one of: actions, echo, tcp");
  });

  test("refused ones leave room for as many more as come", () => {
    const { plugin } = start("echo", "first");
    for (let i = 0; i < 5_000; i++) expect(() => plugin.update("refuse me")).toThrow("asked to refuse");
    plugin.update("second");
  });

  test("a thousand updates leave memory as it was after a few", () => {
    const { plugin } = start("echo", "x".repeat(10_000));
    const size = () => plugin.memorySize();
    for (let i = 0; i < 20; i++) plugin.update(`${i}${"x".repeat(10_000)}`);
    const before = size();
    for (let i = 0; i < 1_000; i++) plugin.update(`${i}${"y".repeat(10_000)}`);
    expect(size()).toBe(before);
  });
});

describe("streams", () => {
  test("each has its own object, however many are open and in whatever order they end", () => {
    const { host, plugin } = start("actions");
    const chain = host.chain([plugin]);
    const orders = fc.sample(fc.shuffledSubarray([...Array(3_000).keys()], { minLength: 3_000 }), { numRuns: 2, seed: 7 });
    for (const order of orders) {
      const streams = order.map((_, index) => chain.request(does(index % 2 === 0 ? "late request header" : "nothing")));
      for (const index of order) {
        streams[index]?.respond();
        expect(streams[index]?.responseHeader("x-result")).toBe(index % 2 === 0 ? "missing" : undefined);
      }
    }
  });

  test("ticks come only while a stream waits, and not before its time", () => {
    const { host, clock, plugin } = start("actions");
    const chain = host.chain([plugin]);
    expect(clock.untilNext()).toBeUndefined();
    const waiting = chain.request(does("delay"));
    clock.advance(49);
    expect(waiting.state).toBe("paused");
    clock.advance(1);
    expect(waiting.state).toBe("forwarded");
    waiting.respond();
    expect(clock.untilNext()).toBeUndefined();
  });

  test("one that leaves while it waits takes its timer along", () => {
    const { host, clock, plugin } = start("actions");
    const chain = host.chain([plugin]);
    const gone = chain.request(does("delay"));
    clock.advance(10);
    const stays = chain.request(does("delay"));
    gone.disconnect();
    clock.advance(50);
    expect(stays.state).toBe("forwarded");
    stays.respond();
    expect(clock.untilNext()).toBeUndefined();
  });

  test("the answer of a callout is dropped where its stream is gone", () => {
    const { host, clock, plugin } = start("actions");
    host.clusters.set("backend", { http: () => ({ status: 200, delay: 100 }) });
    const chain = host.chain([plugin]);
    const gone = chain.request(does("callout"));
    gone.disconnect();
    // The object serves another stream when the answer comes.
    const other = chain.request(does("delay"));
    clock.advance(200);
    expect(other.requestHeader("x-result")).toBeUndefined();
    expect(other.state).toBe("forwarded");
  });
});

describe("gRPC callouts", () => {
  test("bring a message", () => {
    const { host, clock, plugin } = start("actions");
    const stream = host.chain([plugin]).request(does("grpc"));
    clock.advance(10);
    expect(stream.requestHeader("x-result")).toBe("Say: sdk test");
  });

  test("to a cluster without a host are refused at once", () => {
    const { host, plugin } = start("actions");
    host.clusters.set("backend", { health: "no-host" });
    expect(host.chain([plugin]).request(does("grpc")).response?.status).toBe(500);
  });
});

describe("queues and TCP", () => {
  test("what is enqueued arrives at the root that registered the queue", () => {
    const { host, clock, plugin } = start("actions");
    host.chain([plugin]).request(does("queue")).respond();
    clock.advance(1);
    expect(host.metrics.values()["actions.dequeued"]).toBe(1);
  });

  test("TCP data is changed, held and refused", () => {
    const { host, clock, plugin } = start("tcp");
    const chain = host.chain([plugin]);
    const changed = chain.openConnection();
    changed.send("hello");
    expect(Buffer.from(changed.toServer.bytes()).toString()).toBe("> hello");
    const held = chain.openConnection();
    held.send("hold on");
    expect(held.toServer.length).toBe(0);
    clock.advance(50);
    expect(Buffer.from(held.toServer.bytes()).toString()).toBe("hold on");
    const closed = chain.openConnection();
    closed.send("close");
    expect(closed.toServer.length).toBe(0);
  });
});

describe("memory", () => {
  test("requests make no managed object: 100,000 of them, which would be collected by nobody, leave memory as it was", () => {
    const host = new Host({ clock: new ManualClock(), instances: { canary: false, mainThread: false, workers: 1 } });
    const plugin = host.load({ name: "header-job", module: headerJob });
    const chain = host.chain([plugin]);
    const run = (count: number) => {
      for (let i = 0; i < count; i++) {
        const stream = chain.request({
          path: "/api/x",
          headers: [
            ["x-user", "ann-beta"],
            ["authorization", "Bearer x"],
          ],
        });
        stream.respond();
      }
    };
    run(1_000);
    const before = plugin.memorySize();
    run(100_000);
    expect(plugin.memorySize()).toBe(before);
  }, 60_000);
});

describe("headers of any kind", () => {
  test("neither trap nor are lost", () => {
    const { host, plugin } = start("actions");
    const chain = host.chain([plugin]);
    const name = fc
      .stringMatching(/^[a-z][a-z0-9-]{0,20}$/)
      .filter((each) => each !== "x-do" && each !== "cookie" && each !== "connection" && each !== "te");
    const value = fc
      .string({ unit: "binary", maxLength: 60 })
      .filter((each) => !/[\u0000-\u0008\u000a-\u001f\u007f]/.test(each) && each.trim() === each);
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 40 }), (headers) => {
        const stream = chain.request({ path: "/", headers: [...headers, ["x-do", "add"]] });
        expect(stream.requestHeader("x-result")).toBeDefined();
        stream.respond();
      }),
      { numRuns: 300 },
    );
  });
});

test("the example module is as small as its callbacks", () => {
  expect(readFileSync(headerJob).length).toBeLessThan(16_000);
});
