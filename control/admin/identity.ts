import type { Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
// Types, and the error: the authority itself is loaded where there is one.
import { IdentityError } from "../identity/identity-error.ts";
import type { Certificate, MeshIdentity } from "../identity/index.ts";
import { parseDuration } from "../model/fields/index.ts";
import { rotate } from "./rotation.ts";
import { writing } from "./roles.ts";

/** One certificate of the authority, as `meshwright certs` shows it. */
export interface AuthorityCertificate {
  readonly use: "signing" | "prepared" | "former" | "trusted";
  readonly pem: string;
  readonly subject: string;
  readonly serialNumber: string;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** The authority of a mesh. */
export interface AuthorityStatus {
  /** `embedded`: its own root. `external`: files of somebody else, or a signer elsewhere. */
  readonly kind: "embedded" | "external";
  readonly phase: "stable" | "prepared" | "switched" | undefined;
  /** Milliseconds since 1970 from when on the former root may be retired without force. */
  readonly retirable: number | undefined;
  readonly roots: readonly AuthorityCertificate[];
  /** Ids of the proxies that are connected, have a certificate of the mesh, and have not said that they trust these roots. */
  readonly lacking: readonly string[];
}

const LONGEST_BODY = 16 * 1024;

/**
 * Join tokens, and the life of the root.
 *
 * @param lacking ids of the proxies that do not have the roots
 */
export function addIdentity(app: Hono, identity: MeshIdentity | undefined, lacking: () => readonly string[]): void {
  const withIdentity = (handle: (context: Context, identity: MeshIdentity) => Promise<Response> | Response) => async (context: Context) => {
    if (identity === undefined)
      return context.json({ error: "this service has no certificate authority: start it with --ca DIR or --state DIR" }, 404);
    try {
      return await handle(context, identity);
    } catch (thrown) {
      const error = IdentityError.from(thrown);
      if (error.code === "internal") throw thrown;
      return context.json({ error: error.message, code: error.code }, error.code === "state" ? 503 : error.code === "rotation" ? 409 : 400);
    }
  };
  const small = bodyLimit({
    maxSize: LONGEST_BODY,
    onError: (context) => context.json({ error: `at most ${LONGEST_BODY} bytes are read` }, 413),
  });

  app.get(
    "/api/v1/authority",
    withIdentity((context, { authority, embedded }) => {
      const rotation = embedded?.rotation;
      const status: AuthorityStatus = {
        kind: embedded === undefined ? "external" : "embedded",
        phase: rotation?.phase,
        retirable: rotation?.retirable,
        roots: authority.trustedCertificates().map((root) => certificateOf(root, useOf(root, rotation))),
        lacking: lacking(),
      };
      return context.json(status);
    }),
  );

  app.post(
    "/api/v1/authority/rotation",
    writing,
    small,
    withIdentity(async (context, { embedded }) => {
      if (embedded === undefined)
        throw new IdentityError("rotation", "the root is not this service's own: replace the files that it was given");
      const { phase, retirable } = await rotate(embedded, await bodyOf(context), lacking);
      return context.json({ phase, retirable });
    }),
  );

  app.get(
    "/api/v1/revocations",
    withIdentity((context, { revocations }) => context.json({ revocations: revocations.list() })),
  );

  app.post(
    "/api/v1/revocations",
    writing,
    small,
    withIdentity(async (context, { revocations }) => {
      const { subject } = (await bodyOf(context)) as { readonly subject?: unknown };
      if (typeof subject !== "string")
        throw new IdentityError("revocation", 'the body is to be {"subject": "spiffe://... or a serial number"}');
      return context.json(revocations.revoke(subject), 201);
    }),
  );

  app.post(
    "/api/v1/revocations/restore",
    writing,
    small,
    withIdentity(async (context, { revocations }) => {
      const { subject } = (await bodyOf(context)) as { readonly subject?: unknown };
      if (typeof subject !== "string")
        throw new IdentityError("revocation", 'the body is to be {"subject": "spiffe://... or a serial number"}');
      if (!revocations.restore(subject)) throw new IdentityError("revocation", "it is not revoked; /api/v1/revocations lists what is");
      return context.json({ subject });
    }),
  );

  app.get(
    "/api/v1/tokens",
    withIdentity((context, { tokens }) => context.json({ tokens: tokens.list() })),
  );

  app.post(
    "/api/v1/tokens",
    writing,
    small,
    withIdentity(async (context, { tokens }) => {
      const { namespace, serviceAccount, uses = 1, lifetime = "1h" } = (await bodyOf(context)) as Readonly<Record<string, unknown>>;
      const milliseconds = typeof lifetime === "string" ? parseDuration(lifetime) : undefined;
      if (typeof namespace !== "string" || typeof serviceAccount !== "string" || typeof uses !== "number" || milliseconds === undefined)
        throw new IdentityError(
          "token-invalid",
          'a token wants {"namespace": "...", "serviceAccount": "...", "uses": 1, "lifetime": "1h"}, the last two by default',
        );
      return context.json(tokens.create({ namespace, serviceAccount, uses, lifetime: milliseconds }), 201);
    }),
  );

  app.delete(
    "/api/v1/tokens/:id",
    writing,
    withIdentity((context, { tokens }) => {
      const id = context.req.param("id") ?? "";
      if (!tokens.revoke(id)) return context.json({ error: `there is no token ${id}; /api/v1/tokens lists those that are` }, 404);
      return context.json({ id, state: "revoked" });
    }),
  );
}

function useOf(
  { pem }: Certificate,
  rotation: { readonly phase: string; readonly signing: string } | undefined,
): AuthorityCertificate["use"] {
  if (rotation === undefined) return "trusted";
  if (pem === rotation.signing) return "signing";
  return rotation.phase === "prepared" ? "prepared" : "former";
}

function certificateOf(
  { pem, subject, serialNumber, notBefore, notAfter }: Certificate,
  use: AuthorityCertificate["use"],
): AuthorityCertificate {
  return { use, pem, subject, serialNumber, notBefore, notAfter };
}

async function bodyOf(context: Context): Promise<object> {
  const body: unknown = await context.req.json().catch(() => undefined);
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw new IdentityError("token-invalid", "the body is to be a JSON object");
  return body;
}
