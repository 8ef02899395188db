import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { RunningProxy } from "../../cli/testing/running-proxy.ts";
import { namespacesUnavailable } from "../../control/capture/testing/namespaces.ts";
import { envoyTarget } from "../../harness/envoy/index.ts";
import { requireTarget } from "../../harness/scenario/require-target.ts";

// The commands of the pages that run a proxy with its default ports, or set rules: as they stand there, but in a network namespace of this test.

const PAGES = ["docs/cli.md", "docs/capture.md"];
const MAIN = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));
const NAMESPACE = `mw-docs-${process.pid}`;

const target = {
  name: "envoy" as const,
  unavailable: async () => (await envoyTarget.unavailable()) ?? (await namespacesUnavailable(["nft"])),
};

const COMMANDS = PAGES.flatMap((page) => {
  const text = readFileSync(fileURLToPath(new URL(`../../${page}`, import.meta.url)), "utf8");
  const lines = [...text.matchAll(/^```sh\n([^]*?)^```/gm)].flatMap(([, block = ""]) => block.split("\n"));
  return lines.flatMap((line) => (/^sudo |^npx meshwright proxy (?!.* --dry-run)/.test(line) ? [[page, line] as const] : []));
});

/** `reviews` is the namespace of the pages. */
function here(command: string): string {
  const own = command.replace(/^sudo /, "").replace(/^(ip netns (?:add|exec)|ip -n) reviews\b/, `$1 ${NAMESPACE}`);
  const inside = own.startsWith("npx ") ? `ip netns exec ${NAMESPACE} ${own}` : own;
  return inside.replace("npx meshwright", `'${process.execPath}' '${MAIN}'`);
}

async function sh(command: string): Promise<number | null> {
  const child = spawn("sh", ["-c", command], { stdio: "ignore" });
  const [code] = (await once(child, "close")) as [number | null];
  return code;
}

afterAll(() => sh(`ip netns del ${NAMESPACE} 2>/dev/null`));

describe("the commands of the pages", () => {
  test("are found", () => {
    expect(COMMANDS.map(([, command]) => command)).toContain("sudo ip netns add reviews");
    expect(COMMANDS.length).toBeGreaterThan(4);
  });

  // One after the other: the page makes the namespace that it uses.
  const ordered = COMMANDS.toSorted(([, a], [, b]) => Number(b.includes("netns add")) - Number(a.includes("netns add")));
  test.for(ordered)("%s: %s", async ([, command], context) => {
    await requireTarget(target, context);
    const endless = command.includes("meshwright proxy") && !command.includes("--remove-capture");
    if (!endless) {
      expect(await sh(here(command))).toBe(0);
      return;
    }
    const proxy = new RunningProxy("sh", ["-c", `exec ${here(command)}`]);
    await proxy.line("Envoy starts");
    expect(await proxy.end("SIGINT")).toBe(0);
  });
});
