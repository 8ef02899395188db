import { spawn } from "node:child_process";
import { mkdir, mkdtemp, open, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { freePort } from "../../control/xds/types/testing/running-proxy.ts";
import { Serving } from "../testing/serving.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const PATIENT = { timeout: 20_000 };
// Each starts several processes, which takes seconds where the machine has more to do.
vi.setConfig({ testTimeout: 300_000 });

const service = (name: string, port = 9080) => `apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec: {clusterIP: None, ports: [{name: http, port: ${port}}]}
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-faults-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function directory(name: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const path = join(folder, name);
  await mkdir(path, { recursive: true });
  for (const [file, content] of Object.entries(files)) await writeFile(join(path, file), content);
  return path;
}

/** As editors do it: whole or not at all. */
async function replace(file: string, text: string): Promise<void> {
  await writeFile(`${file}~`, text);
  await rename(`${file}~`, file);
}

describe("a log that cannot be written", () => {
  test.each(["text", "json"])("because its disk is full loses lines (%s), and the service goes on", async (format) => {
    const config = await directory(`full-${format}`, { "a.yaml": service("one") });
    const [xds, admin] = [await freePort(), await freePort()];
    await using full = await open("/dev/full", "w");
    const ports = ["--xds", `127.0.0.1:${xds}`, "--admin", `127.0.0.1:${admin}`];
    const child = spawn(process.execPath, [MAIN, "serve", "--config", config, ...ports, "--log-format", format], {
      stdio: ["ignore", "ignore", full.fd],
    });
    const names = async () => {
      const response = await fetch(`http://127.0.0.1:${admin}/debug/configz`).catch(() => undefined);
      return ((await response?.json()) as readonly { readonly metadata: { readonly name: string } }[] | undefined)?.map(
        ({ metadata }) => metadata.name,
      );
    };
    try {
      await expect.poll(names, PATIENT).toEqual(["one"]);
      await writeFile(join(config, "b.yaml"), service("two"));
      await expect.poll(names, PATIENT).toEqual(["one", "two"]);
    } finally {
      child.kill("SIGTERM");
    }
    await expect.poll(() => child.exitCode, PATIENT).toBe(0);
  });

  test("because its reader has gone loses lines, and the service goes on", async () => {
    const config = await directory("closed", { "a.yaml": service("one") });
    await using serving = await Serving.start("--config", config);
    serving.closeLog();
    for (const name of ["two", "three"]) {
      await writeFile(join(config, `${name}.yaml`), service(name));
      await expect.poll(() => serving.objects(), PATIENT).toContain(name);
    }
    expect(await serving.kill("SIGTERM")).toBe(0);
  });
});

test("a state on a full disk is told of, and the service goes on", async () => {
  const config = await directory("full-state", { "a.yaml": service("one") });
  const state = await directory("full-state-kept", {});
  // What is written first is a device that is always full.
  await symlink("/dev/full", join(state, "objects.json.new"));
  await using serving = await Serving.start("--config", config, "--state", state);
  expect(await serving.line("the state cannot be kept, and the service goes on without")).toMatchObject({
    level: "warn",
    directory: state,
    message: expect.stringContaining("ENOSPC") as string,
  });
  await writeFile(join(config, "b.yaml"), service("two"));
  await expect.poll(() => serving.objects(), PATIENT).toEqual(["one", "two"]);
});

describe("kill -9 at any moment", () => {
  const MANY = 60;
  const version = (number: number) => Array.from({ length: MANY }, (_, index) => service(`s${index}`, number)).join("---\n");
  /** The versions of the services that count. */
  const versions = async (serving: Serving) => {
    const all = await serving.get<readonly { readonly spec: { readonly ports: readonly { readonly port: number }[] } }[]>("/debug/configz");
    expect(all).toHaveLength(MANY);
    return [...new Set(all.map(({ spec }) => spec.ports[0]?.port))];
  };

  test("with --state: what was accepted is served after it though the files are broken, all of one change", async () => {
    const config = await directory("killed", { "a.yaml": version(1) });
    const file = join(config, "a.yaml");
    const state = join(folder, "killed-state");
    const parameters = ["--config", config, "--state", state];
    let last = 1;
    for (let round = 0; round < 3; round++) {
      let accepted = 0;
      {
        await using serving = await Serving.start(...parameters);
        await serving.line("configuration changed");
        [accepted = 0] = await versions(serving);
        const edits = (async () => {
          for (const end = performance.now() + Math.random() * 400; performance.now() < end; await sleep(Math.random() * 20))
            await replace(file, version(++last));
        })();
        await Promise.race([edits, sleep(Math.random() * 400)]);
        await serving.kill("SIGKILL");
        await edits;
      }
      await replace(file, `${version(last)}---\nkind: [`);
      await using serving = await Serving.start(...parameters);
      const [found = 0, ...others] = await versions(serving);
      expect(others).toEqual([]);
      // What was there when the state was written last, and never anything before what this process began with.
      expect(found).toBeGreaterThanOrEqual(Math.min(accepted, last));
      expect(found).toBeLessThanOrEqual(last);
      await replace(file, version(++last));
      await expect.poll(() => versions(serving), PATIENT).toEqual([last]);
    }
  });

  test("without it: the files are what is served, a broken one excepted", async () => {
    const config = await directory("killed-without", { "a.yaml": version(1), "b.yaml": service("other") });
    for (let round = 0; round < 2; round++) {
      await using serving = await Serving.start("--config", config);
      await replace(join(config, "a.yaml"), version(round + 2));
      await sleep(Math.random() * 50);
      await serving.kill("SIGKILL");
      await using again = await Serving.start("--config", config);
      const names = await again.objects();
      expect(names).toHaveLength(MANY + 1);
      expect(names).toContain("other");
    }
    await replace(join(config, "a.yaml"), "kind: [");
    await using serving = await Serving.start("--config", config);
    expect(await serving.objects()).toEqual(["other"]);
  });
});

describe("files of every sort", () => {
  const laughs = Array.from({ length: 9 }, (_, index) => {
    const [own, other] = ["abcdefghi".charAt(index), "abcdefghi".charAt(index - 1)];
    return `${own}: &${own} [${Array<string>(9)
      .fill(index === 0 ? "ha" : `*${other}`)
      .join(", ")}]\n`;
  }).join("");
  const BAD: Readonly<Record<string, readonly [content: string | Uint8Array, reason: RegExp]>> = {
    "anchors.yaml": [laughs, /aliases make more than \d+ values/],
    "depth.yaml": [`a: ${"[".repeat(100_000)}`, /nested deeper than/],
    "duplicate.yaml": [service("twice").replace("spec:", "spec: {}\nspec:"), /the key "spec" stands there twice/],
    "tabs.yaml": ["kind: Service\nmetadata:\n\tname: tabs\n", /a tab indents this line/],
    "cut.yaml": [service("cut").slice(0, -4), /./],
    "binary.yaml": [new Uint8Array(5000).fill(0xff), /UTF-8|UTF-16/],
    "kind.yaml": [service("kind").replace("Service", "Servise"), /./],
    "version.yaml": ["apiVersion: networking.istio.io/v9\nkind: VirtualService\nmetadata: {name: v}\nspec: {}\n", /v9/],
    "field.yaml": [service("field").replace("metadata", "meta"), /did you mean metadata/],
    "large.yaml": [`a: "${"x".repeat(17 * 1024 * 1024)}"\n`, /the document has \d+ characters/],
    "thousand.yaml": [
      Array.from({ length: 1000 }, (_, index) => (index === 500 ? service("bad").replace("9080", "90800") : service(`t${index}`))).join(
        "---\n",
      ),
      /90800/,
    ],
  };
  const GOOD = {
    "bom.yaml": `\uFEFF${service("bom")}`,
    "crlf.yaml": service("crlf").replaceAll("\n", "\r\n"),
    "plain.yaml": service("plain"),
  };

  test("together: what can be read is served, each mistake is told with its place, and memory stays flat", async () => {
    const contents = Object.fromEntries(Object.entries(BAD).map(([file, [content]]) => [file, content]));
    const config = await directory("every-sort", { ...GOOD, ...contents });
    await using serving = await Serving.start("--config", config);
    const names = await serving.objects();
    expect(names.filter((name) => !name.startsWith("t"))).toEqual(["bom", "crlf", "plain"]);
    expect(names.filter((name) => name.startsWith("t"))).toHaveLength(999);
    for (const [file, [, reason]] of Object.entries(BAD)) {
      const told = serving.lines.filter((line) => String(line["file"]).endsWith(file)).map(({ message }) => message);
      expect(told.length, file).toBeGreaterThan(0);
      expect(told.length, file).toBeLessThanOrEqual(20);
      expect(told.join("\n"), file).toMatch(reason);
    }

    // Over and over: whatever such a file leaves behind would add up.
    const touch = async (times: number) => {
      for (let round = 0; round < times; round++) {
        for (const file of ["anchors.yaml", "depth.yaml", "large.yaml"])
          await writeFile(
            join(config, file),
            `# ${round}\n${await readFile(join(config, file), "utf8").then((text) => text.replace(/^# \d+\n/, ""))}`,
          );
        const marker = `marker-${times}-${round}`;
        await replace(join(config, "marker.yaml"), service(marker));
        await expect.poll(() => serving.objects(), PATIENT).toContain(marker);
      }
    };
    await touch(4);
    const before = serving.resident;
    await touch(8);
    expect(serving.resident - before).toBeLessThan(100 * 1024 * 1024);
  });
});
