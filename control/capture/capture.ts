import { existsSync } from "node:fs";
import { iptables } from "./iptables.ts";
import { nft } from "./nft.ts";
import type { CaptureOptions, IpFamily } from "./options.ts";
import { captureRules } from "./rules.ts";
import { CaptureError, type CaptureTool, type Run, runHere } from "./tool.ts";

/** In the order in which they are preferred. */
const TOOLS: readonly CaptureTool[] = [nft, iptables];
export type ToolName = CaptureTool["name"];
export const TOOL_NAMES: readonly ToolName[] = TOOLS.map(({ name }) => name);

/** Where rules are set. */
export interface CaptureEnvironment {
  readonly run: Run;
  readonly platform: string;
  readonly hasIpv6: boolean;
}

/** The network namespace of this process. */
export function captureHere(): CaptureEnvironment {
  return { run: runHere, platform: process.platform, hasIpv6: existsSync("/proc/sys/net/ipv6") };
}

/**
 * Redirects the connections that `options` tell of, from now on: those that are open stay as they are. Rules of an earlier run are replaced at once.
 *
 * @param wanted the tool to use. Default: nft, else iptables
 * @returns the tool that was used
 * @throws CaptureError
 */
export async function setCapture(options: CaptureOptions, environment: CaptureEnvironment, wanted?: ToolName): Promise<ToolName> {
  const families = familiesOf(options, environment);
  const tool = await findTool(families, environment, wanted);
  await tool.set(
    families.map((family) => captureRules(options, family)),
    environment.run,
  );
  if (families.includes("ipv6")) await addPassthroughAddress(environment.run);
  // What the other tool set in an earlier run. Both together redirect to the same ports: no connection gets by in between.
  await removeAll(
    TOOLS.filter((each) => each !== tool),
    environment.run,
  );
  return tool.name;
}

/**
 * Takes all rules away that any run has set in this network namespace. To take away what is not there is no error.
 *
 * @returns whether there were any
 * @throws CaptureError
 */
export async function removeCapture(environment: CaptureEnvironment): Promise<boolean> {
  refuseElsewhere(environment);
  const removed = await removeAll(TOOLS, environment.run);
  if (removed && environment.hasIpv6) await environment.run("ip", PASSTHROUGH_ADDRESS("del")).catch(() => "");
  return removed;
}

/** Where Envoy connects from to the service beside it. The loopback interface has all of 127.0.0.0/8, of IPv6 only `::1`: as in Istio, `::6` is added. */
const PASSTHROUGH_ADDRESS = (what: "add" | "del") => ["-6", "address", what, "::6/128", "dev", "lo"];

/** Without it, or where the interface has no IPv6 at all, such connections fail: nothing gets by. */
async function addPassthroughAddress(run: Run): Promise<void> {
  await run("ip", PASSTHROUGH_ADDRESS("add")).catch(() => "");
}

/** The rules as the tool reads them, for who wants to see or set them. */
export async function captureScript(options: CaptureOptions, environment: CaptureEnvironment, wanted: ToolName): Promise<string> {
  const rules = familiesOf(options, environment).map((family) => captureRules(options, family));
  return (TOOLS.find(({ name }) => name === wanted) ?? nft).script(rules);
}

async function removeAll(tools: readonly CaptureTool[], run: Run): Promise<boolean> {
  let removed = false;
  for (const tool of tools) {
    try {
      removed = (await tool.remove(run)) || removed;
    } catch (error) {
      // Without the tool there are none of its rules.
      if (!(error instanceof CaptureError) || error.code !== "missing") throw error;
    }
  }
  return removed;
}

function familiesOf(options: CaptureOptions, { hasIpv6 }: CaptureEnvironment): readonly IpFamily[] {
  return options.families.filter((family) => family === "ipv4" || hasIpv6);
}

async function findTool(families: readonly IpFamily[], environment: CaptureEnvironment, wanted?: ToolName): Promise<CaptureTool> {
  refuseElsewhere(environment);
  const candidates = TOOLS.filter(({ name }) => wanted === undefined || name === wanted);
  const missing: string[] = [];
  for (const tool of candidates) {
    const lacking = await lackingCommands(tool.commands(families), environment.run);
    if (lacking.length === 0) return tool;
    missing.push(...lacking);
  }
  const packages = candidates.map(({ name }) => (name === "nft" ? "nftables" : "iptables")).join(" or ");
  throw new CaptureError(
    "missing",
    `${missing.join(" and ")} ${missing.length === 1 ? "is" : "are"} not installed: install ${packages} (\`apt-get install nftables\`, \`dnf install nftables\`, \`apk add nftables\`)`,
  );
}

async function lackingCommands(commands: readonly string[], run: Run): Promise<string[]> {
  const lacking: string[] = [];
  for (const command of commands) {
    await run(command, ["--version"]).catch((error: unknown) => {
      if (!(error instanceof CaptureError) || error.code !== "missing") throw error;
      lacking.push(command);
    });
  }
  return lacking;
}

function refuseElsewhere({ platform }: CaptureEnvironment): void {
  if (platform === "linux") return;
  throw new CaptureError(
    "unsupported",
    `traffic is captured by Linux' packet filter, and this is ${platform}: let the service use explicit egress listeners instead (node metadata INTERCEPTION_MODE: NONE)`,
  );
}
