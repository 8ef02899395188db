import { type IssuerKeys, readJwksUri } from "../model/index.ts";

export interface IssuerDiscoveryOptions {
  /** Gives the text of a document, or rejects. @param timeout milliseconds */
  readonly fetch: (url: string, timeout: number) => Promise<string>;
  /** Hears what all issuers have said, whenever it is something else than before. */
  readonly said: (said: ReadonlyMap<string, IssuerKeys>) => void;
  /** Hears of an issuer that cannot be asked any more, or can be again. */
  readonly log?: (issuer: string, problem: string | undefined) => void;
  readonly times?: Partial<typeof TIMES>;
}

/** Milliseconds. */
const TIMES = {
  /** Until an issuer that has answered is asked again; Istio's `PILOT_JWT_PUB_KEY_REFRESH_INTERVAL`. */
  refresh: 20 * 60_000,
  /** Until one that has not is asked again, twice as long after each time, up to the last. */
  firstRetry: 1_000,
  lastRetry: 60_000,
};

/** Issuers that are asked at the same time. */
const MOST_AT_ONCE = 8;

interface Asked {
  timeout: number;
  keys: IssuerKeys | undefined;
  failures: number;
  timer: NodeJS.Timeout | undefined;
}

/** Asks issuers where their keys are, again and again, and remembers what they said last: an issuer that is out changes nothing. */
export class IssuerDiscovery implements Disposable {
  private readonly options: IssuerDiscoveryOptions;
  private readonly times: typeof TIMES;
  private readonly issuers = new Map<string, Asked>();
  private readonly queue: string[] = [];
  private readonly waiting = new Set<() => void>();
  private running = 0;
  private ended = false;

  constructor(options: IssuerDiscoveryOptions) {
    this.options = options;
    this.times = { ...TIMES, ...options.times };
  }

  /** What was heard before a restart; before the first {@link want}. */
  restore(said: ReadonlyMap<string, IssuerKeys>): void {
    for (const [issuer, keys] of said) this.issuers.set(issuer, { timeout: 0, keys, failures: 0, timer: undefined });
  }

  /** Asks these from now on, and no others. @param issuers with the milliseconds that each has to answer */
  want(issuers: ReadonlyMap<string, number>): void {
    let forgotten = false;
    for (const [issuer, { timer, keys }] of this.issuers) {
      if (issuers.has(issuer)) continue;
      clearTimeout(timer);
      this.issuers.delete(issuer);
      forgotten ||= keys !== undefined;
    }
    for (const [issuer, timeout] of issuers) {
      const known = this.issuers.get(issuer);
      if (known === undefined || known.timeout === 0) {
        this.issuers.set(issuer, { keys: undefined, failures: 0, timer: undefined, ...known, timeout });
        this.enqueue(issuer);
      } else known.timeout = timeout;
    }
    if (forgotten) this.tell();
    this.wake();
  }

  /** Resolves when each issuer has been asked, or was heard before; at once where there is none. */
  async asked(): Promise<void> {
    const isDone = () => [...this.issuers.values()].every(({ keys }) => keys !== undefined);
    while (!this.ended && !isDone()) await new Promise<void>((resolve) => this.waiting.add(resolve));
  }

  [Symbol.dispose](): void {
    this.ended = true;
    for (const { timer } of this.issuers.values()) clearTimeout(timer);
    this.issuers.clear();
    this.wake();
  }

  private enqueue(issuer: string): void {
    this.queue.push(issuer);
    this.work();
  }

  private work(): void {
    while (this.running < MOST_AT_ONCE) {
      const issuer = this.queue.shift();
      if (issuer === undefined) return;
      this.running += 1;
      void this.ask(issuer).finally(() => {
        this.running -= 1;
        if (!this.ended) this.work();
      });
    }
  }

  private async ask(issuer: string): Promise<void> {
    const asked = this.issuers.get(issuer);
    if (asked === undefined || this.ended) return;
    const before = asked.keys;
    let after: IssuerKeys;
    try {
      after = { uri: readDocument(issuer, await this.options.fetch(documentOf(issuer), asked.timeout)), problem: undefined };
    } catch (error) {
      after = { uri: before?.uri, problem: error instanceof Error ? error.message : String(error) };
    }
    if (this.ended || this.issuers.get(issuer) !== asked) return;
    asked.keys = after;
    asked.failures = after.problem === undefined ? 0 : asked.failures + 1;
    asked.timer = setTimeout(() => {
      this.enqueue(issuer);
    }, this.pause(asked)).unref();
    if (before?.problem !== after.problem) this.options.log?.(issuer, after.problem);
    if (before?.uri?.uri !== after.uri?.uri || before?.problem !== after.problem) this.tell();
    this.wake();
  }

  private pause({ failures }: Asked): number {
    const { refresh, firstRetry, lastRetry } = this.times;
    return failures === 0 ? refresh : Math.min(lastRetry, firstRetry * 2 ** Math.min(failures - 1, 20));
  }

  private tell(): void {
    const said = new Map<string, IssuerKeys>();
    for (const [issuer, { keys }] of this.issuers) if (keys !== undefined) said.set(issuer, keys);
    this.options.said(said);
  }

  private wake(): void {
    for (const resolve of this.waiting) resolve();
    this.waiting.clear();
  }
}

/** Istio's `resolveJwksURIUsingOpenID`: one slash between them. */
function documentOf(issuer: string): string {
  return `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
}

/** The `jwks_uri` of a provider's metadata. Throws where there is none that could be used; what was asked by TLS does not lead away from it. */
function readDocument(issuer: string, text: string) {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Error("the document is no JSON");
  }
  const value = typeof document === "object" && document !== null && "jwks_uri" in document ? document.jwks_uri : undefined;
  if (typeof value !== "string") throw new Error("the document has no jwks_uri");
  const uri = readJwksUri(value);
  if (typeof uri === "string") throw new Error(`jwks_uri: ${uri}`);
  if (!uri.secure && issuer.toLowerCase().startsWith("https:")) throw new Error(`jwks_uri: ${value} is no https, as the issuer is`);
  return uri;
}
