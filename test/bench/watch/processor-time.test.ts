import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { until } from "../../../harness/index.ts";
import { processorTime } from "./processor-time.ts";

test("counts a process, those below it, and those below that have ended", async () => {
  // The one below works until it has had half a second of the processor, and ends; its parent goes on.
  const work = "const { cpuUsage } = process; while (cpuUsage().user < 500_000);";
  const parent = `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(work)}]).on("exit", () => console.log("ended")); setInterval(() => {}, 1000)`;
  const process_ = spawn(process.execPath, ["-e", parent], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const pid = process_.pid ?? 0;
    await until(
      "what is below has begun to work",
      () => processorTime(pid),
      (time) => time >= 200,
    );
    await once(process_.stdout, "data");
    expect(processorTime(pid)).toBeGreaterThanOrEqual(500);
  } finally {
    process_.kill();
  }
});

test("is 0 for a process that is not there", () => {
  expect(processorTime(2 ** 30)).toBe(0);
});
