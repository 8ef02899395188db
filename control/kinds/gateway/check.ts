import { isIP } from "node:net";
import { Code, isHttp, type MeshObject, type Report } from "../../model/index.ts";
import { parseProtocol, wrongDnsLabel, wrongUnixPath } from "../../model/parts/index.ts";
import type { GatewaySpec, ServerSpec } from "./fields.ts";

/** Istio's `ValidateGateway`. */
export function check({ metadata, spec }: MeshObject<GatewaySpec>, report: Report): void {
  if (wrongDnsLabel(metadata.name) !== undefined)
    report(
      "error",
      Code.Metadata,
      ["metadata", "name"],
      `${JSON.stringify(metadata.name)} is no DNS label; names of Gateways have no dots`,
    );
  for (const [index, server] of spec.servers.entries()) {
    checkServer(server, ["spec", "servers", index], report);
    if (spec.servers.slice(0, index).some(({ port }) => port.name === server.port.name))
      report(
        "error",
        Code.Duplicate,
        ["spec", "servers", index, "port", "name"],
        `another port is called ${JSON.stringify(server.port.name)} too; names of ports are unique in a gateway`,
      );
  }
}

type Path = readonly (string | number)[];

function checkServer(server: ServerSpec, path: Path, report: Report): void {
  const { port, bind, tls } = server;
  const protocol = parseProtocol(port.protocol) ?? "auto";
  const encrypted = protocol === "https" || protocol === "tls";
  checkBind(bind, port.number, path, report);
  if (encrypted && tls === undefined)
    report(
      "error",
      Code.Missing,
      path,
      `"tls" is missing: a port of ${port.protocol} needs it; for TLS that is passed on write tls: {mode: PASSTHROUGH}`,
    );
  if (tls === undefined) return;
  if (tls.httpsRedirect && !isHttp(protocol))
    report("warning", "IST0133", [...path, "tls", "httpsRedirect"], "only ports of HTTP redirect; it has no effect here");
  if (encrypted) return;
  const certificates = tls.serverCertificate !== undefined || tls.privateKey !== undefined || tls.caCertificates !== undefined;
  if (!isHttp(protocol)) report("error", Code.Value, [...path, "tls"], `a port of ${port.protocol} has no TLS; write protocol: TLS`);
  else if (tls.mode !== "PASSTHROUGH" || certificates)
    report(
      "error",
      Code.Value,
      [...path, "tls"],
      `a port of ${port.protocol} is plain text, and takes httpsRedirect only; write protocol: HTTPS for TLS`,
    );
}

function checkBind(bind: string | undefined, number: number, path: Path, report: Report): void {
  if (bind?.startsWith("unix://") === true) {
    const wrong = wrongUnixPath(bind.slice("unix://".length));
    if (wrong !== undefined) report("error", Code.Value, [...path, "bind"], wrong);
    if (number !== 0) report("error", Code.Value, [...path, "port", "number"], "a unix socket has no port; write number: 0");
    return;
  }
  if (number === 0)
    report("error", Code.Value, [...path, "port", "number"], "0 is out of range; 1 to 65535 is allowed, or 0 with a bind of unix://PATH");
  if (bind !== undefined && isIP(bind) === 0) report("error", Code.Value, [...path, "bind"], `${JSON.stringify(bind)} is no IP address`);
}
