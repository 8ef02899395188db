import type { CaptureRules, Rule } from "./rules.ts";
import { CaptureError, type CaptureTool, type Run } from "./tool.ts";

/** Our chains in the table `nat`, and from where they are reached. */
const CHAINS = [
  { name: "MESHWRIGHT_INBOUND", from: "PREROUTING" },
  { name: "MESHWRIGHT_OUTPUT", from: "OUTPUT" },
] as const;
const COMMANDS = { ipv4: "iptables", ipv6: "ip6tables" } as const;
type Family = keyof typeof COMMANDS;

/** Seconds to wait for who else changes rules just now. */
const WAIT = ["-w", "5"];

/** iptables, in either of its two kinds. A run of iptables-restore changes a table at once. */
export const iptables: CaptureTool = {
  name: "iptables",
  commands: (families) => families.flatMap((family) => [COMMANDS[family], `${COMMANDS[family]}-restore`]),
  script: (rules) => rules.map((each) => `# ${COMMANDS[each.family]}-restore --noflush\n${setScript(each, [])}`).join(""),
  async set(rules, run) {
    for (const each of rules) {
      const { jumps } = await present(each.family, run);
      await restore(each.family, setScript(each, jumps), run);
    }
    for (const family of unwanted(rules)) await removeFrom(family, run);
  },
  async remove(run) {
    const removed = await Promise.all((["ipv4", "ipv6"] as const).map((family) => removeFrom(family, run)));
    return removed.includes(true);
  },
};

function unwanted(rules: readonly CaptureRules[]): Family[] {
  return (["ipv4", "ipv6"] as const).filter((family) => !rules.some((each) => each.family === family));
}

async function removeFrom(family: Family, run: Run): Promise<boolean> {
  const { jumps, chains } = await present(family, run);
  if (jumps.length === 0 && chains.length === 0) return false;
  const lines = [...jumps.map(asDeletion), ...chains.map((chain) => `-F ${chain}`), ...chains.map((chain) => `-X ${chain}`)];
  await restore(family, table(lines), run);
  return true;
}

/** What of ours is there: also after a process was killed in between, or a rule was added twice by hand. */
async function present(family: Family, run: Run): Promise<{ readonly jumps: readonly string[]; readonly chains: readonly string[] }> {
  const listed = (await list(family, run)).split("\n");
  return {
    jumps: CHAINS.flatMap(({ name, from }) => listed.filter((line) => line.startsWith(`-A ${from} `) && line.endsWith(` -j ${name}`))),
    chains: CHAINS.flatMap(({ name }) => (listed.includes(`-N ${name}`) ? [name] : [])),
  };
}

/** Where there is no tool for a family, or the kernel has no table for it, there are no rules. */
async function list(family: Family, run: Run): Promise<string> {
  try {
    return await run(COMMANDS[family], [...WAIT, "-t", "nat", "-S"]);
  } catch (error) {
    if (error instanceof CaptureError && (error.code === "missing" || error.message.includes("does not exist"))) return "";
    throw error;
  }
}

/** A chain that is named in the head is emptied where it exists; the rules of others stay (`--noflush`). */
function setScript(rules: CaptureRules, jumps: readonly string[]): string {
  const heads = CHAINS.map(({ name }) => `:${name} - [0:0]`);
  const own = [
    ...rules.inbound.map((rule) => line(CHAINS[0].name, "-i", rule)),
    ...rules.outbound.map((rule) => line(CHAINS[1].name, "-o", rule)),
  ];
  const reached = CHAINS.map(({ name, from }) => `-A ${from} -p tcp -j ${name}`);
  return table([...heads, ...jumps.map(asDeletion), ...own, ...reached]);
}

function table(lines: readonly string[]): string {
  return `*nat\n${lines.join("\n")}\nCOMMIT\n`;
}

function asDeletion(rule: string): string {
  return rule.replace(/^-A /, "-D ");
}

async function restore(family: Family, script: string, run: Run): Promise<void> {
  await run(`${COMMANDS[family]}-restore`, [...WAIT, "--noflush"], script);
}

function line(chain: string, direction: string, rule: Rule): string {
  const not = (value: { readonly not?: true }) => (value.not === true ? "! " : "");
  return [
    `-A ${chain}`,
    ...(rule.interface === undefined ? [] : [`${direction} ${rule.interface}`]),
    ...(rule.source === undefined ? [] : [`-s ${rule.source}`]),
    ...(rule.destination === undefined ? [] : [`${not(rule.destination)}-d ${rule.destination.range}`]),
    "-p tcp",
    ...(rule.port === undefined ? [] : [`--dport ${rule.port}`]),
    ...(rule.user === undefined ? [] : [`-m owner ${not(rule.user)}--uid-owner ${rule.user.id}`]),
    ...(rule.group === undefined ? [] : [`-m owner ${not(rule.group)}--gid-owner ${rule.group.id}`]),
    rule.verdict === "let-through" ? "-j RETURN" : `-j REDIRECT --to-ports ${rule.verdict}`,
  ].join(" ");
}
