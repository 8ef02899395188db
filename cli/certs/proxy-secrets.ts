import { Certificate } from "../../control/identity/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";

/** What an Envoy has by SDS. */
export interface ProxySecrets {
  /** Chains by the name of their secret. */
  readonly chains: ReadonlyMap<string, readonly Certificate[]>;
  /** Certificates that it trusts, of all its secrets. */
  readonly roots: readonly Certificate[];
}

/** Asks the admin interface of an Envoy for its secrets; it shows certificates, and no keys. */
export async function proxySecrets(url: string): Promise<ProxySecrets> {
  const base = url.includes("://") ? url : `http://${url}`;
  let body: unknown;
  try {
    const response = await fetch(new URL("/config_dump", base), { signal: AbortSignal.timeout(10_000) });
    if (!response.ok) throw new Error(`it answers ${response.status}`);
    body = await response.json();
  } catch (error) {
    const reason = error instanceof Error && error.cause instanceof Error ? error.cause.message : (error as Error).message;
    throw new CliError(
      ExitCode.Environment,
      `no Envoy answers at ${url} (${reason}); its admin interface is wanted, such as http://127.0.0.1:15000`,
      { cause: error },
    );
  }
  const chains = new Map<string, readonly Certificate[]>();
  const roots: Certificate[] = [];
  for (const { name, secret } of secretsIn(body)) {
    const chain = pemIn(secret["tls_certificate"], "certificate_chain");
    if (chain !== undefined) chains.set(name, Certificate.readAll(chain));
    const context = secret["validation_context"];
    const trusted = pemIn(context, "trusted_ca");
    if (trusted !== undefined) roots.push(...Certificate.readAll(trusted));
  }
  return { chains, roots };
}

type Json = Readonly<Record<string, unknown>>;

/** Every `{name, secret}` of a dump (`envoy.admin.v3.SecretsConfigDump`), wherever it stands. */
function* secretsIn(value: unknown): Iterable<{ readonly name: string; readonly secret: Json }> {
  if (typeof value !== "object" || value === null) return;
  const { name, secret } = value as Json;
  if (typeof name === "string" && typeof secret === "object" && secret !== null) yield { name, secret: secret as Json };
  else for (const each of Object.values(value)) yield* secretsIn(each);
}

/** Of a `DataSource`. */
function pemIn(parent: unknown, field: string): string | undefined {
  const source = (parent as Json | undefined)?.[field] as Json | undefined;
  const { inline_bytes: bytes, inline_string: text } = source ?? {};
  if (typeof text === "string") return text;
  return typeof bytes === "string" ? Buffer.from(bytes, "base64").toString() : undefined;
}
