import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type AnswerEvent, SYSTEM_CLOCK } from "./index.ts";
import { TestMesh } from "./testing/mesh.ts";
import { CLUSTER, ROUTE } from "./testing/snapshot.ts";

const HOUR = 3_600_000;

describe.each([
  ["forward", HOUR],
  ["back", -HOUR],
])("the machine's date is set %s by an hour", (_, step) => {
  describe("for the system's clock", () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
    afterEach(() => void vi.useRealTimers());

    test("spans of time are what they were, and what was before is told by the new date", () => {
      const before = SYSTEM_CLOCK.now();
      vi.setSystemTime(Date.now() + step);
      expect(SYSTEM_CLOCK.now() - before).toBeLessThan(HOUR / 2);
      expect(SYSTEM_CLOCK.now()).toBeGreaterThanOrEqual(before);
      expect(Math.abs(SYSTEM_CLOCK.dateOf(before) - Date.now())).toBeLessThan(HOUR / 2);
    });
  });

  test("times of answers are true, and the status has dates", async () => {
    const accepted: AnswerEvent[] = [];
    const mesh = new TestMesh({ [CLUSTER]: { a: "1" } }, { observer: { accepted: (event) => void accepted.push(event) } });
    const client = mesh.connect("delta");
    await client.send({ typeUrl: CLUSTER });
    await client.ack(client.one());
    mesh.push({ [CLUSTER]: { a: "2" } });
    const pushed = client.one();
    const date = mesh.clock.dateOf(mesh.clock.now()) + step;
    mesh.clock.set(date);
    mesh.clock.advance(30);
    await client.ack(pushed);
    expect(accepted.at(-1)).toMatchObject({ sinceChange: 30, sinceSent: 30 });
    const [status] = mesh.server.status();
    expect(status).toMatchObject({
      connectedAt: date,
      types: [{ sent: { at: date }, accepted: { at: date + 30 } }, {}, {}, {}, {}, {}, {}],
    });
  });

  test("nobody is cut off, or waits longer than for clusters that nobody accepts", async () => {
    const mesh = new TestMesh({ [CLUSTER]: { a: "1" }, [ROUTE]: { r: "1" } }, { limits: { stall: 60_000, warming: 2_000 } });
    const client = mesh.connect("delta");
    for (const request of [{ typeUrl: CLUSTER }, { typeUrl: ROUTE, resourceNamesSubscribe: ["r"] }]) {
      await client.send(request);
      await client.ack(client.one());
    }
    client.reads = false;
    mesh.push({ [CLUSTER]: { a: "1", b: "1" }, [ROUTE]: { r: "2" } });
    expect(client.one().typeUrl).toBe(CLUSTER);
    mesh.clock.set(mesh.clock.dateOf(mesh.clock.now()) + step);
    mesh.clock.advance(1_900);
    expect(client.take()).toEqual([]);
    mesh.clock.advance(200);
    expect(client.one().resources).toEqual({ r: "r=2" });
    expect(client.ended).toBeUndefined();
  });
});
