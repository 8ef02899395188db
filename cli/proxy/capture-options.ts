import { readFileSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  CAPTURE_LISTS,
  type CaptureLists,
  type CaptureOptions as Captured,
  type IpFamily,
  PROXY_USER,
  readCaptureOptions,
  TOOL_NAMES,
  type ToolName,
} from "../../control/capture/index.ts";
import type { Identity } from "../../control/proxy/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";

/** Options of `proxy` about captured traffic. */
export interface CaptureOptions {
  readonly capture?: true;
  readonly removeCapture?: true;
  readonly captureUser?: number;
  readonly captureTool?: ToolName;
  readonly proxyUser?: Identity;
  readonly ipFamilies?: readonly IpFamily[];
  readonly includeOutboundIpRanges?: string;
  readonly excludeOutboundIpRanges?: string;
  readonly includeOutboundPorts?: string;
  readonly excludeOutboundPorts?: string;
  readonly includeInboundPorts?: string;
  readonly excludeInboundPorts?: string;
  readonly excludeInterfaces?: string;
}

export function addCaptureOptions(command: Command): Command {
  return command
    .option("--capture", "redirect the traffic of this network namespace to the proxy, until it ends (needs root)")
    .option("--remove-capture", "take away the rules that a killed proxy left behind, and end")
    .option("--capture-user <user>", "capture only what processes of this user send, and ports of --include-inbound-ports", user)
    .addOption(new Option("--capture-tool <tool>", "what sets the rules (default: nft, else iptables)").choices(TOOL_NAMES))
    .option(
      "--proxy-user <user[:group]>",
      `whom Envoy runs as with --capture: its traffic is let through (default: ${PROXY_USER}:${PROXY_USER})`,
      identity,
    )
    .option("--ip-families <families>", "ipv4, ipv6 or both with a comma between (default: both)", families)
    .option("--include-outbound-ip-ranges <ranges>", "capture what goes there (default: *)")
    .option("--exclude-outbound-ip-ranges <ranges>", "let through what goes there")
    .option("--include-outbound-ports <ports>", "capture what goes to these ports, whatever the address")
    .option("--exclude-outbound-ports <ports>", "let through what goes to these ports")
    .option("--include-inbound-ports <ports>", "capture what comes to these ports (default: *; with --capture-user none)")
    .option("--exclude-inbound-ports <ports>", "let through what comes to these ports")
    .option("--exclude-interfaces <names>", "let through what goes or comes by these interfaces");
}

const UNREADABLE = "no user of that name, and no number";

/**
 * What is to be captured, from the options and the annotations of the node.
 *
 * @throws CliError
 */
export function captureOf(
  options: CaptureOptions,
  annotations: Readonly<Record<string, string>>,
  ownPorts: readonly number[],
): Captured | undefined {
  if (options.capture !== true) {
    const alone = Object.keys(options).find((name) => DEPENDENT.includes(name));
    if (alone !== undefined) throw new CliError(ExitCode.Usage, `--${kebab(alone)} says what to capture, and needs --capture`);
    return undefined;
  }
  const { proxyUser, captureUser, ipFamilies } = options;
  const captured = readCaptureOptions({
    lists: listsOf(options),
    annotations,
    ownPorts,
    ...(proxyUser !== undefined && { proxyUser: proxyUser.user, proxyGroup: proxyUser.group }),
    ...(captureUser !== undefined && { user: captureUser }),
    ...(ipFamilies !== undefined && { families: ipFamilies }),
  });
  if ("families" in captured) return captured;
  throw new CliError(ExitCode.Input, captured.join("\n"));
}

const OPTION_OF: Readonly<Record<(typeof CAPTURE_LISTS)[number], keyof CaptureOptions>> = {
  includeOutboundIPRanges: "includeOutboundIpRanges",
  excludeOutboundIPRanges: "excludeOutboundIpRanges",
  includeOutboundPorts: "includeOutboundPorts",
  excludeOutboundPorts: "excludeOutboundPorts",
  includeInboundPorts: "includeInboundPorts",
  excludeInboundPorts: "excludeInboundPorts",
  excludeInterfaces: "excludeInterfaces",
};
const DEPENDENT: readonly string[] = [...Object.values(OPTION_OF), "captureUser", "captureTool", "proxyUser", "ipFamilies"];

function listsOf(options: CaptureOptions): CaptureLists {
  return Object.fromEntries(
    CAPTURE_LISTS.flatMap((name) => {
      const text = options[OPTION_OF[name]];
      return typeof text === "string" ? [[name, text]] : [];
    }),
  );
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function families(text: string): readonly IpFamily[] {
  const named = text.split(",").map((each) => each.trim());
  if (named.every((each): each is IpFamily => each === "ipv4" || each === "ipv6")) return named;
  throw new InvalidArgumentError("expected ipv4, ipv6 or ipv4,ipv6");
}

/** The number of a user, by its name where it has one. */
function user(text: string): number {
  return lookUp(text, "/etc/passwd")?.id ?? fail();
}

function identity(text: string): Identity {
  const [name = "", group] = text.split(":");
  const found = lookUp(name, "/etc/passwd") ?? fail();
  if (group === undefined) return { user: found.id, group: found.group ?? found.id };
  return { user: found.id, group: lookUp(group, "/etc/group")?.id ?? fail() };
}

function lookUp(name: string, file: string): { readonly id: number; readonly group?: number } | undefined {
  const id = /^\d{1,10}$/.test(name) && Number(name) < 2 ** 32 - 1 ? Number(name) : undefined;
  const lines = readLines(file).map((line) => line.split(":"));
  const entry = lines.find(([each, , number]) => each === name || (id !== undefined && Number(number) === id));
  if (entry === undefined) return id === undefined ? undefined : { id };
  return { id: Number(entry[2]), ...(file === "/etc/passwd" && { group: Number(entry[3]) }) };
}

function readLines(file: string): readonly string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return [];
  }
}

function fail(): never {
  throw new InvalidArgumentError(UNREADABLE);
}
