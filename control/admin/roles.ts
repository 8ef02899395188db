import { createHash, timingSafeEqual } from "node:crypto";
import { TLSSocket } from "node:tls";
import type { HttpBindings } from "@hono/node-server";
import type { Context, MiddlewareHandler } from "hono";

/** `read` sees everything that is shown, `write` changes something too. */
export type Role = "read" | "write";

declare module "hono" {
  interface ContextVariableMap {
    role: Role;
  }
}

/** Roles of those who show a certificate. */
export interface CertificateRoles {
  /**
   * The role of a client of TLS, as of now.
   *
   * @returns undefined where it shows no certificate; a text says why a certificate gives no role
   */
  roleOf(client: TLSSocket): Promise<Role | { readonly refusal: string; readonly known: boolean } | undefined>;
}

export interface Access {
  /** Bearer tokens. */
  readonly write: readonly string[];
  readonly read: readonly string[];
  /** Default: certificates give no role. */
  readonly certificates?: CertificateRoles | undefined;
  /** Whether who has shown nothing may read. */
  readonly open: boolean;
}

/** The role of whoever asks. A token goes before a certificate, and what is shown and is wrong is refused, whatever else is open: 401 where it proves nothing, 403 where it is known and has no role. */
export function authenticated(access: Access): MiddlewareHandler {
  return async (context, next) => {
    const authorization = context.req.header("authorization");
    const role = authorization === undefined ? await roleByCertificate(context, access) : roleByToken(authorization, access);
    if (typeof role === "object") return role.known ? context.json({ error: role.refusal }, 403) : refuse(context, role.refusal);
    const found = role ?? (access.open && authorization === undefined && isForThisMachine(context) ? "read" : undefined);
    if (found === undefined) return refuse(context);
    context.set("role", found);
    return next();
  };
}

/** Before what changes something: 401 for who has shown nothing, 403 for who may read only. */
export const writing: MiddlewareHandler = async (context, next) => {
  if (context.get("role") === "write") return next();
  if (context.req.header("authorization") === undefined && !showsCertificate(context)) return refuse(context);
  return context.json({ error: "this token or certificate may read; what changes something wants one with the role write" }, 403);
};

/** A page of the web whose name leads to this machine (DNS rebinding) makes a browser ask here; the name stands in its requests. */
function isForThisMachine(context: Context): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i.test(context.req.header("host") ?? "");
}

function roleByToken(authorization: string, { write, read, open }: Access): Role | undefined {
  if (isOneOf(authorization, write)) return "write";
  return isOneOf(authorization, read) || (open && write.length + read.length === 0) ? "read" : undefined;
}

async function roleByCertificate(context: Context, { certificates }: Access): ReturnType<CertificateRoles["roleOf"]> {
  const socket = socketOf(context);
  return socket instanceof TLSSocket ? certificates?.roleOf(socket) : undefined;
}

function showsCertificate(context: Context): boolean {
  const socket = socketOf(context);
  return socket instanceof TLSSocket && socket.getPeerX509Certificate() !== undefined;
}

function socketOf(context: Context): unknown {
  return (context.env as Partial<HttpBindings> | undefined)?.incoming?.socket;
}

function refuse(context: Context, reason?: string): Response {
  context.header("www-authenticate", "Bearer");
  const wanted =
    "a bearer token is wanted: --token-file FILE, or the header Authorization: Bearer TOKEN; over TLS a certificate will do: --client-cert FILE";
  return context.json({ error: reason ?? wanted }, 401);
}

function isOneOf(authorization: string, tokens: readonly string[]): boolean {
  const given = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  if (given === undefined) return false;
  // Hashes have one length, so the comparison tells nothing about the token.
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return tokens.filter((token) => timingSafeEqual(digest(token), digest(given))).length > 0;
}
