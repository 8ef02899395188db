import { join } from "node:path";
import { IdentityError } from "../identity-error.ts";
import { identityProblem } from "../spiffe/index.ts";
import { makeDirectory, readSealed, type SealedFormat, writeSealed } from "../store/index.ts";
import { hashOf, newToken, readToken, sameHash } from "./token-text.ts";

export interface JoinTokensOptions {
  /** Milliseconds since 1970. Default: the system's. */
  readonly clock?: () => number;
}

/** What a token shall be good for. */
export interface JoinTokenRequest {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Workloads that may join with it, 1 to 10,000. Default: 1. */
  readonly uses?: number;
  /** Milliseconds, a second to 90 days. Default: one hour. */
  readonly lifetime?: number;
}

/** A token as it is shown; its text is shown once, when it is made. */
export interface JoinToken {
  readonly id: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly state: "active" | "spent" | "expired" | "revoked";
  readonly uses: number;
  readonly used: number;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface CreatedToken extends JoinToken {
  /** The secret itself. */
  readonly token: string;
}

interface Stored {
  readonly id: string;
  readonly hash: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly uses: number;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly used: number;
  readonly revoked: boolean;
  /** Keys for which it was used of late, as [hash, milliseconds since 1970]. */
  readonly keys: readonly (readonly [key: string, at: number])[];
}

const FORMAT: SealedFormat = { format: "meshwright join tokens", version: 1, limit: 64 * 1024 * 1024 };
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const MOST_USES = 10_000;
const MOST_TOKENS = 10_000;
/** Milliseconds within which whoever used a token may repeat that with the same key: its certificate may have been lost on the way, by a process killed on either side. */
const REPEAT = HOUR;

/**
 * The tokens of a mesh, in one file of a directory. What is kept of a token is the hash of its secret. A use is on the disk before the certificate is signed: a service that is killed in between
 * has one use too few, never one too many, and whoever has the key of that request may repeat it.
 */
export class JoinTokens {
  private readonly path: string;
  private readonly clock: () => number;
  private readonly tokens: Map<string, Stored>;
  private writing: Promise<void> | undefined;

  private constructor(path: string, tokens: Map<string, Stored>, clock: () => number) {
    this.path = path;
    this.tokens = tokens;
    this.clock = clock;
  }

  /** @throws IdentityError `state` where its file is damaged or open to others */
  static open(directory: string, { clock = Date.now }: JoinTokensOptions = {}): JoinTokens {
    makeDirectory(directory);
    const path = join(directory, "join-tokens.json");
    const stored = (readSealed(path, FORMAT) ?? []) as readonly Stored[];
    return new JoinTokens(path, new Map(stored.map((token) => [token.id, token])), clock);
  }

  /** @throws IdentityError `token-invalid` where it cannot be such a token, `state` where it cannot be kept */
  create({ namespace, serviceAccount, uses = 1, lifetime = HOUR }: JoinTokenRequest): CreatedToken {
    const problem = identityProblem({ trustDomain: "any", namespace, serviceAccount });
    if (problem !== undefined) throw new IdentityError("token-invalid", problem);
    if (!Number.isInteger(uses) || uses < 1 || uses > MOST_USES)
      throw new IdentityError("token-invalid", `a token is good for 1 to ${MOST_USES} uses, not ${uses}`);
    if (!(lifetime >= 1000 && lifetime <= 90 * DAY))
      throw new IdentityError("token-invalid", `a token is good for a second to 90 days, not ${lifetime / 1000} seconds`);
    this.forget();
    if (this.tokens.size >= MOST_TOKENS)
      throw new IdentityError(
        "token-invalid",
        `there are ${MOST_TOKENS} tokens already; those that have expired are forgotten after a day`,
      );
    const { id, text, hash } = newToken();
    const now = this.clock();
    const token: Stored = {
      id,
      hash,
      namespace,
      serviceAccount,
      uses,
      createdAt: now,
      expiresAt: now + lifetime,
      used: 0,
      revoked: false,
      keys: [],
    };
    this.replace(token);
    return { ...this.shown(token), token: text };
  }

  /** The newest first. Those that have expired are shown for a day. */
  list(): readonly JoinToken[] {
    this.forget();
    return Array.from(this.tokens.values(), (token) => this.shown(token)).sort(
      (a, b) => b.createdAt - a.createdAt || (a.id < b.id ? -1 : 1),
    );
  }

  /**
   * Makes a token worth nothing, from now on. Certificates that were issued for it stay good.
   *
   * @returns whether there is such a token
   */
  revoke(id: string): boolean {
    const token = this.tokens.get(id);
    if (token === undefined) return false;
    if (!token.revoked) this.replace({ ...token, revoked: true });
    return true;
  }

  /**
   * Whom a token lets in. It is not used up by that: {@link use} does it.
   *
   * @param key hash of the public key that asks, hexadecimal
   * @throws IdentityError `token-...`
   */
  check(text: string, key: string): JoinToken {
    return this.shown(this.good(text, key));
  }

  /**
   * Counts a use, on the disk when the promise is fulfilled. Uses that come together are written together.
   *
   * @throws IdentityError `token-...`, or `state` where it cannot be stored, upon which it is not counted
   */
  async use(text: string, key: string): Promise<void> {
    const now = this.clock();
    const token = this.good(text, key);
    if (recent(token, now).some(([used]) => used === key)) {
      // Its first use may still be on the way to the disk.
      await this.writing;
      if (this.tokens.get(token.id)?.keys.some(([used]) => used === key) === true) return;
      return this.use(text, key);
    }
    this.tokens.set(token.id, { ...token, used: token.used + 1, keys: [...recent(token, now), [key, now]] });
    try {
      await this.stored();
    } catch (error) {
      const current = this.tokens.get(token.id);
      if (current !== undefined)
        this.tokens.set(token.id, { ...current, used: current.used - 1, keys: current.keys.filter(([used]) => used !== key) });
      throw error;
    }
  }

  private good(text: string, key: string): Stored {
    const read = readToken(text);
    const token = read === undefined ? undefined : this.tokens.get(read.id);
    // One answer for what was never there and for a wrong secret, at one price.
    const same = sameHash(token?.hash ?? hashOf(""), hashOf(read?.secret ?? "none"));
    if (token === undefined || !same)
      throw new IdentityError("token-unknown", "the join token is none of this mesh; make one with: meshwright token create");
    const now = this.clock();
    if (token.revoked) throw new IdentityError("token-revoked", `the join token ${token.id} is revoked`);
    if (now >= token.expiresAt)
      throw new IdentityError("token-expired", `the join token ${token.id} expired at ${new Date(token.expiresAt).toISOString()}`);
    if (token.used >= token.uses && !recent(token, now).some(([used]) => used === key))
      throw new IdentityError(
        "token-spent",
        `the join token ${token.id} was good for ${token.uses === 1 ? "one use" : `${token.uses} uses`}, which it had`,
      );
    return token;
  }

  /** One write for all that comes before it begins. */
  private stored(): Promise<void> {
    this.writing ??= new Promise<void>((resolve, reject) => {
      setImmediate(() => {
        this.writing = undefined;
        try {
          this.write();
          resolve();
        } catch (error) {
          reject(IdentityError.from(error));
        }
      });
    });
    return this.writing;
  }

  /** Takes a change back where it cannot be stored. */
  private replace(token: Stored): void {
    const before = this.tokens.get(token.id);
    this.tokens.set(token.id, token);
    try {
      this.write();
    } catch (error) {
      if (before === undefined) this.tokens.delete(token.id);
      else this.tokens.set(token.id, before);
      throw error;
    }
  }

  private write(): void {
    writeSealed(this.path, FORMAT, [...this.tokens.values()]);
  }

  private forget(): void {
    const now = this.clock();
    for (const { id, expiresAt } of [...this.tokens.values()]) if (expiresAt + DAY < now) this.tokens.delete(id);
  }

  private shown({ id, namespace, serviceAccount, uses, used, createdAt, expiresAt, revoked }: Stored): JoinToken {
    const state = revoked ? "revoked" : this.clock() >= expiresAt ? "expired" : used >= uses ? "spent" : "active";
    return { id, namespace, serviceAccount, state, uses, used, createdAt, expiresAt };
  }
}

function recent({ keys }: Stored, now: number): Stored["keys"] {
  return keys.filter(([, at]) => now - at < REPEAT);
}
