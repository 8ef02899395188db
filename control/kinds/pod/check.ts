import { isIP } from "node:net";
import { Code, type MeshObject, type Report } from "../../model/index.ts";
import type { PodSpec } from "./fields.ts";

export function check({ spec: { status } }: MeshObject<PodSpec>, report: Report): void {
  const addresses = [
    ...(status?.podIP ? [[["status", "podIP"], status.podIP] as const] : []),
    ...(status?.podIPs ?? []).map(({ ip }, index) => [["status", "podIPs", index, "ip"], ip] as const),
  ];
  for (const [path, address] of addresses)
    if (isIP(address) === 0) report("error", Code.Value, path, `${JSON.stringify(address)} is no IP address`);
  if (addresses.length === 0 && (status?.phase === undefined || status.phase === "Running"))
    report(
      "info",
      Code.Missing,
      ["status"],
      `"status.podIP" is missing, so nothing can reach this pod; where no cluster gives addresses, write one`,
    );
}
