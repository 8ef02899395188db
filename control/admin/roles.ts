import { createHash, timingSafeEqual } from "node:crypto";
import type { Context, MiddlewareHandler } from "hono";

/** `read` sees everything that is shown, `write` changes something too. */
export type Role = "read" | "write";

declare module "hono" {
  interface ContextVariableMap {
    role: Role;
  }
}

export interface Tokens {
  readonly write: readonly string[];
  readonly read: readonly string[];
  /** Whether who has no token may read. */
  readonly open: boolean;
}

/** The role of whoever asks: 401 where there is none, or the token is wrong. */
export function authenticated(tokens: Tokens): MiddlewareHandler {
  return async (context, next) => {
    const role = roleOf(context.req.header("authorization"), tokens);
    if (role === undefined) return refuse(context);
    context.set("role", role);
    return next();
  };
}

/** Before what changes something: 401 for who has shown nothing, 403 for who may read only. */
export const writing: MiddlewareHandler = async (context, next) => {
  if (context.get("role") === "write") return next();
  if (context.req.header("authorization") === undefined) return refuse(context);
  return context.json({ error: "this token may read; what changes something wants the other one" }, 403);
};

function roleOf(authorization: string | undefined, { write, read, open }: Tokens): Role | undefined {
  if (authorization === undefined) return open ? "read" : undefined;
  if (isOneOf(authorization, write)) return "write";
  return isOneOf(authorization, read) || (open && write.length + read.length === 0) ? "read" : undefined;
}

function refuse(context: Context): Response {
  context.header("www-authenticate", "Bearer");
  return context.json({ error: "a bearer token is wanted: --token-file FILE, or the header Authorization: Bearer TOKEN" }, 401);
}

function isOneOf(authorization: string, tokens: readonly string[]): boolean {
  const given = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  if (given === undefined) return false;
  // Hashes have one length, so the comparison tells nothing about the token.
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return tokens.filter((token) => timingSafeEqual(digest(token), digest(given))).length > 0;
}
