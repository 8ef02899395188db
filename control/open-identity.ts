import type { ControlLog } from "./log.ts";
import { identityProblem, type IdentityObserver, MeshIdentity, type MeshIdentityOptions } from "./identity/index.ts";
import { LimitedLines } from "./limited-lines.ts";
import type { CertificateMetrics } from "./metrics/index.ts";

export interface OpenIdentityOptions extends Omit<MeshIdentityOptions, "observer" | "warn"> {
  readonly metrics: CertificateMetrics;
  /** Hears at once, and after each change, which certificates are trusted, PEM, one text each. Default: nobody. */
  readonly onRoots?: (roots: readonly string[]) => void;
  /** Default: nobody hears. */
  readonly log?: ControlLog;
}

const DAY = 86_400_000;
/** Before a root ends there has to be time for the next one. */
const SOON = 30 * DAY;

/** The authority of a mesh, each certificate and refusal in the log and the metrics. */
export async function openIdentity({ metrics, log, onRoots, ...options }: OpenIdentityOptions): Promise<MeshIdentity> {
  const identity = await MeshIdentity.open({
    ...options,
    observer: observerOf(metrics, log),
    warn: (message) => log?.warn({ directory: options.directory }, message),
  });
  metrics.watch(() => identity.authority.expiry());
  const { signer } = identity.authority;
  onRoots?.(signer.roots());
  signer.onRootsChanged(() => onRoots?.(signer.roots()));
  const { trustDomain } = options.trustDomains();
  const problem = identityProblem({ trustDomain, namespace: "default", serviceAccount: "default" });
  if (problem !== undefined) log?.warn({ trustDomain }, `no certificate can be issued: ${problem} (MeshConfig's trustDomain)`);
  const { root, signing } = identity.authority.expiry();
  const end = Math.min(root, signing);
  if (end - Date.now() < SOON)
    log?.warn(
      { directory: options.directory, notAfter: new Date(end).toISOString() },
      "the mesh's root ends soon: prepare the next one (meshwright certs rotate)",
    );
  return identity;
}

function observerOf(metrics: CertificateMetrics, log: ControlLog | undefined): IdentityObserver {
  const refusals = new LimitedLines((fields, message) => log?.warn(fields, message), "more certificates were refused");
  return {
    issued({ certificate: { identity, serialNumber, notAfter }, method, evidence, source }) {
      metrics.issued(method);
      const { namespace, serviceAccount } = identity;
      log?.info(
        { namespace, serviceAccount, method, evidence, serialNumber, notAfter: new Date(notAfter).toISOString(), source },
        "certificate issued",
      );
    },
    refused({ error, method, source }) {
      metrics.refused(error.code, method);
      const cause = error.cause instanceof Error ? error.cause.message : undefined;
      refusals.add({ code: error.code, method, source, reason: error.message, cause }, "certificate refused");
    },
  };
}
