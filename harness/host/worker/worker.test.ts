import { beforeAll, describe, expect, test } from "vitest";
import { scriptedFilter } from "../testing/scripted-filter.ts";
import { isolatedTarget } from "./index.ts";

let module: string;
beforeAll(async () => {
  module = await scriptedFilter();
}, 60_000);

const filters = (configuration: string) => [{ name: "scripted", module, configuration }];

describe("a chain in a thread of its own", () => {
  test("answers as the one in this thread", async () => {
    await using target = await isolatedTarget().start({ filters: filters("request_headers: set 0 x-a 1\nrequest_headers: define 0 hits") });
    const result = await target.send({ path: "/" });
    expect(result.request?.headers).toContainEqual(["x-a", "1"]);
    expect(await target.metrics()).toEqual({ hits: 0 });
    expect((await target.logs()).map((line) => line.message)).toContain("set 0 x-a 1 = 0");
  });

  test("asks this thread for the answers to callouts", async () => {
    const script = [
      "request_headers: call backend 100 :path /q :method GET :authority b",
      "request_headers: return 1",
      "http_call_response: body 4 0 99",
      "http_call_response: effective",
      "http_call_response: continue 0",
    ];
    const callouts = { backend: () => ({ status: 200, body: "from here" }) };
    await using target = await isolatedTarget().start({ filters: filters(script.join("\n")), callouts });
    expect((await target.send({ path: "/" })).outcome).toBe("forward");
    expect((await target.logs()).map((line) => line.message)).toContain("body 4 0 99 = 0:from here");
  });

  test("is ended when a callback loops for ever, and says so from then on", async () => {
    await using target = await isolatedTarget({ timeLimit: 2_000 }).start({ filters: filters("request_headers: loop") });
    await expect(target.send({ path: "/" })).rejects.toMatchObject({ code: "time-limit", message: expect.stringContaining("request /") });
    await expect(target.send({ path: "/" })).rejects.toMatchObject({ code: "time-limit" });
  });

  test("goes on after a request that cannot be sent to it", async () => {
    await using target = await isolatedTarget().start({ filters: filters("") });
    await expect(target.send({ path: "/", metadata: { mine: { value: () => undefined } } })).rejects.toThrow(/could not be cloned/);
    expect((await target.send({ path: "/" })).outcome).toBe("forward");
  });

  test("is ended when it never finishes its configuration", async () => {
    const starting = isolatedTarget({ timeLimit: 300 }).start({ filters: filters("configure: loop") });
    await expect(starting).rejects.toMatchObject({ name: "TargetError", message: expect.stringContaining("loading the chain") });
  });

  test("refuses what the other refuses, with the lines that were logged", async () => {
    const starting = isolatedTarget().start({ filters: filters("configure: log 4 no good\nconfigure: return 0") });
    await expect(starting).rejects.toMatchObject({
      name: "TargetError",
      logs: expect.arrayContaining(["error: no good"]),
      cause: { name: "HostError", code: "configuration-refused" },
    });
  });
});
