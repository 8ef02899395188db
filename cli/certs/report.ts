import {
  type Certificate,
  certificateIdentity,
  type ChainProblem,
  chainProblems,
  describeKey,
  formatSpiffeId,
} from "../../control/identity/index.ts";
import { table } from "../control/output.ts";

/** One certificate, as `meshwright certs` shows it. Times are RFC 3339. */
export interface CertificateReport {
  /** A file, a secret of a proxy, or the authority. */
  readonly source: string;
  /** Place in its chain, from 0, the workload's own. */
  readonly index: number;
  /** `leaf`, `intermediate` or `root`; of the authority `signing`, `prepared`, `former` or `trusted`. */
  readonly use: string;
  readonly subject: string;
  readonly issuer: string;
  /** Names that it is for. */
  readonly names: readonly string[];
  /** The identity of a workload, where it is for one. */
  readonly identity: string | undefined;
  readonly serialNumber: string;
  readonly fingerprint: string;
  readonly key: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly problems: readonly Pick<ChainProblem, "code" | "message">[];
}

/** Reports on a chain; `roots` undefined leaves out whether it is trusted. */
export function reportOf(
  source: string,
  chain: readonly Certificate[],
  roots: readonly Certificate[] | undefined,
  at: number,
): readonly CertificateReport[] {
  const authorities = chain[0]?.ca === true;
  // Certificates of authorities alone are trusted or not by themselves; that the first is no workload's is no fault then.
  const problems = chainProblems(chain, roots ?? chain.slice(-1), at).filter(({ code }) => !(authorities && code === "is-ca"));
  return chain.map((certificate, index) => ({
    ...describe(source, certificate),
    index,
    use: certificate.selfSigned ? "root" : certificate.ca ? "intermediate" : "leaf",
    problems: problems.filter((each) => Math.min(each.index, chain.length - 1) === index).map(({ code, message }) => ({ code, message })),
  }));
}

/** Reports on a certificate that is trusted by itself. */
export function reportOfRoot(source: string, use: string, certificate: Certificate, at: number): CertificateReport {
  const problems = chainProblems([certificate], [certificate], at).filter(({ code }) => code !== "is-ca");
  return { ...describe(source, certificate), index: 0, use, problems: problems.map(({ code, message }) => ({ code, message })) };
}

function describe(source: string, certificate: Certificate): Omit<CertificateReport, "index" | "use" | "problems"> {
  const { subject, issuer, names, serialNumber, fingerprint, publicKey, notBefore, notAfter } = certificate;
  const identity = certificateIdentity(certificate);
  return {
    source,
    subject,
    issuer,
    names: names.map(({ type, value }) => `${type === "url" ? "URI" : type.toUpperCase()}:${value}`),
    identity: typeof identity === "string" ? undefined : formatSpiffeId(identity),
    serialNumber,
    fingerprint,
    key: describeKey(publicKey),
    notBefore: new Date(notBefore).toISOString(),
    notAfter: new Date(notAfter).toISOString(),
  };
}

export function asText(reports: readonly CertificateReport[], at: number): string {
  if (reports.length === 0) return "there is no certificate\n";
  const rows = reports.map(({ source, use, names, subject, serialNumber, key, notAfter }) => [
    source,
    use,
    printable(names.join(", ") || subject || "(nobody)"),
    key,
    serialNumber.slice(0, 12),
    left(Date.parse(notAfter) - at),
  ]);
  const problems = reports.flatMap((each) =>
    each.problems.map(({ code, message }) => `${each.source}, certificate ${each.index}: ${code}: ${printable(message)}\n`),
  );
  return table([["FROM", "USE", "FOR", "KEY", "SERIAL", "EXPIRES"], ...rows]) + (problems.length > 0 ? `\n${problems.join("")}` : "");
}

/** Names in certificates are a stranger's; they do not write to a terminal what they like. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function left(milliseconds: number): string {
  const seconds = Math.abs(milliseconds) / 1000;
  const text =
    seconds < 120
      ? `${Math.floor(seconds)}s`
      : seconds < 7200
        ? `${Math.floor(seconds / 60)}m`
        : seconds < 172_800
          ? `${Math.floor(seconds / 3600)}h`
          : `${Math.floor(seconds / 86_400)}d`;
  return milliseconds < 0 ? `${text} ago` : `in ${text}`;
}
