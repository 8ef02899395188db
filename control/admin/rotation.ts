import { setTimeout as sleep } from "node:timers/promises";
import type { ControlService } from "../control-service.ts";
// The error alone: the authority itself is loaded where there is one.
import { IdentityError } from "../identity/identity-error.ts";
import type { EmbeddedSigner, Rotation } from "../identity/index.ts";
import { parseDuration } from "../model/fields/index.ts";
import { proxyStatus } from "./proxy-status.ts";

/** Between two looks. */
const LOOK_EVERY = 20;
/** Names that a message has. */
const NAMED = 5;

/** What is to be done with the root. */
export interface RotationRequest {
  /** `prepare`, `switch`, `retire` or `cancel` */
  readonly step?: unknown;
  /** Also where somebody is cut off by it. */
  readonly force?: unknown;
  /** How long to wait for proxies that do not have the roots yet. Default: not at all. */
  readonly timeout?: unknown;
}

/** Ids of the proxies that are connected, say that they have a certificate of the mesh, and have not said that they have the roots that are trusted now. */
export function proxiesWithoutRoots(service: ControlService): readonly string[] {
  const withCertificate = new Set(service.proxies().flatMap(({ id, identity }) => (identity ? [id] : [])));
  return proxyStatus(service).flatMap(({ id, types }) =>
    withCertificate.has(id) && types.find(({ type }) => type === "roots")?.state !== "SYNCED" ? [id] : [],
  );
}

/**
 * Takes a step of the root's rotation. The new root signs when every connected proxy trusts it, and the old one goes when that is so still.
 *
 * @param lacking see {@link proxiesWithoutRoots}
 * @throws IdentityError `rotation` where the step is out of turn or proxies lack the new root, `state` where it cannot be stored
 */
export async function rotate(embedded: EmbeddedSigner, request: RotationRequest, lacking: () => readonly string[]): Promise<Rotation> {
  const { step, force, timeout = "0s" } = request;
  const patience = typeof timeout === "string" ? parseDuration(timeout) : undefined;
  if (patience === undefined) throw new IdentityError("rotation", 'timeout is a duration such as "30s"');
  if (force !== true && isDue(step, embedded.rotation)) await everybodyHasRoots(patience, lacking);
  if (step === "prepare") await embedded.prepare();
  else if (step === "cancel") embedded.cancel();
  else if (step === "switch") embedded.switch();
  else if (step === "retire") embedded.retire(force === true);
  else throw new IdentityError("rotation", 'step is one of "prepare", "cancel", "switch", "retire"');
  return embedded.rotation;
}

/** Whether a step would be taken that relies on proxies; else it is refused for another reason, without a wait. */
function isDue(step: unknown, { phase, retirable = 0 }: Rotation): boolean {
  return step === "switch" ? phase === "prepared" : step === "retire" && phase === "switched" && retirable <= Date.now();
}

async function everybodyHasRoots(patience: number, lacking: () => readonly string[]): Promise<void> {
  for (const end = performance.now() + patience; ; await sleep(LOOK_EVERY)) {
    const proxies = lacking();
    if (proxies.length === 0) return;
    if (performance.now() < end) continue;
    const more = proxies.length > NAMED ? ` and ${proxies.length - NAMED} more` : "";
    throw new IdentityError(
      "rotation",
      `not every connected proxy has said that it trusts the new root: ${proxies.slice(0, NAMED).join(", ")}${more}; see ROOTS of "meshwright status". Try again, or go on by force when their next certificates have brought it`,
    );
  }
}
