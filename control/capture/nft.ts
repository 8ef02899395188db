import type { CaptureRules, Rule } from "./rules.ts";
import type { CaptureTool } from "./tool.ts";

/** One table of our own in each family; everything of ours stands in them and nothing else does. */
const TABLE = "meshwright_capture";
const FAMILIES = { ipv4: "ip", ipv6: "ip6" } as const;
/** Where the kernel's `dstnat` stands. nft before 1.0.7 knows the word for prerouting only. */
const PRIORITY = -100;

/** nftables. A script of nft is one transaction: there is no moment without rules, or with half of them. */
export const nft: CaptureTool = {
  name: "nft",
  commands: () => ["nft"],
  script: (rules) => rules.map((each) => `${reset(each)}${table(each)}`).join(""),
  async set(rules, run) {
    await run("nft", ["-f", "-"], nft.script(rules));
    // What was captured before in another family is not any more.
    await removeTables(run, ({ family }) => !rules.some((each) => FAMILIES[each.family] === family));
  },
  async remove(run) {
    return removeTables(run, () => true);
  },
};

async function removeTables(run: Parameters<CaptureTool["remove"]>[0], unwanted: (table: { family: string }) => boolean): Promise<boolean> {
  const tables = await run("nft", ["list", "tables"]);
  const own = [...tables.matchAll(/^table (ip6?) (\S+)$/gm)].flatMap(([, family = "", name]) => (name === TABLE ? [{ family }] : []));
  const leaving = own.filter(unwanted);
  if (leaving.length > 0) await run("nft", ["-f", "-"], leaving.map(({ family }) => `delete table ${family} ${TABLE}\n`).join(""));
  return leaving.length > 0;
}

/** Takes away what an earlier run left behind; `add` first, because a table that is not there cannot be deleted. */
function reset({ family }: CaptureRules): string {
  return `add table ${FAMILIES[family]} ${TABLE}\ndelete table ${FAMILIES[family]} ${TABLE}\n`;
}

function table(rules: CaptureRules): string {
  const ip = FAMILIES[rules.family];
  return [
    `table ${ip} ${TABLE} {`,
    ...chain("inbound", "prerouting", rules.inbound, "iifname", ip),
    ...chain("outbound", "output", rules.outbound, "oifname", ip),
    "}\n",
  ].join("\n");
}

function chain(name: string, hook: string, rules: readonly Rule[], direction: string, ip: string): string[] {
  if (rules.length === 0) return [];
  return [
    `  chain ${name} {`,
    `    type nat hook ${hook} priority ${PRIORITY}; policy accept;`,
    "    meta l4proto != tcp return",
    ...rules.map((rule) => `    ${line(rule, direction, ip)}`),
    "  }",
  ];
}

function line(rule: Rule, direction: string, ip: string): string {
  const not = (value: { readonly not?: true }) => (value.not === true ? "!= " : "");
  return [
    ...(rule.interface === undefined ? [] : [`${direction} "${rule.interface}"`]),
    ...(rule.source === undefined ? [] : [`${ip} saddr ${rule.source}`]),
    ...(rule.destination === undefined ? [] : [`${ip} daddr ${not(rule.destination)}${rule.destination.range}`]),
    ...(rule.port === undefined ? [] : [`tcp dport ${rule.port}`]),
    ...(rule.user === undefined ? [] : [`meta skuid ${not(rule.user)}${rule.user.id}`]),
    ...(rule.group === undefined ? [] : [`meta skgid ${not(rule.group)}${rule.group.id}`]),
    rule.verdict === "let-through" ? "return" : `meta l4proto tcp redirect to :${rule.verdict}`,
    `comment "${rule.reason}"`,
  ].join(" ");
}
