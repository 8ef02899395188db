import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { until } from "../until.ts";
import type { Load } from "./load.ts";
import { everythingTo, ServedMesh } from "./served-mesh.ts";

/** Seconds; a soak has a minute. */
const OUTAGE = Number(process.env["MESHWRIGHT_OUTAGE"] ?? 1);

async function more(load: Load): Promise<void> {
  const before = load.answered + load.lost.length;
  await until(
    "requests are answered",
    async () => load.answered + load.lost.length,
    (answers) => answers >= before + 20,
  );
}

/** Requests are answered all the while. */
async function outage(load: Load): Promise<void> {
  for (let second = 0; second < OUTAGE; second++) {
    await more(load);
    await sleep(1_000);
  }
}

test(
  `the process is killed for ${OUTAGE} s: no request is lost, and only what has changed is sent after it`,
  async () => {
    await using mesh = await ServedMesh.start();
    await using load = mesh.load();
    await more(load);

    await mesh.kill();
    await outage(load);
    await mesh.restart();
    await more(load);
    expect(await mesh.sent()).toEqual({});
    expect(await mesh.answer()).toBe("v1");

    await mesh.kill();
    await mesh.edit("rules.yaml", everythingTo("v2"));
    await more(load);
    await mesh.restart();
    expect(await mesh.answer()).toBe("v2");
    expect(await mesh.sent()).toEqual({ rds: 1 });

    // And it goes on from there.
    await mesh.edit("rules.yaml", everythingTo("v1"));
    await mesh.settled();
    expect(await mesh.answer()).toBe("v1");
    expect(load.lost).toEqual([]);
  },
  180_000 + OUTAGE * 2_000,
);

test("with --state, files that are broken when it returns change nothing, and lose nothing", async () => {
  await using mesh = await ServedMesh.start((folder) => ["--state", join(folder, "state")]);
  await using load = mesh.load();
  await mesh.edit("rules.yaml", everythingTo("v2"));
  await mesh.settled();
  await until(
    "the state is written",
    () => readFile(join(mesh.folder, "state/objects.json"), "utf8"),
    (text) => text.includes("subset: v2"),
  );
  await mesh.kill();
  await mesh.edit("rules.yaml", "kind: [");
  await mesh.edit("mesh.yaml", "\tkind: Service\n");
  await more(load);
  await mesh.restart().catch((error: unknown) => expect(String(error)).toContain("errors"));
  await more(load);
  expect(await mesh.sent()).toEqual({});
  expect(await mesh.answer()).toBe("v2");
  expect(load.lost).toEqual([]);
}, 180_000);
