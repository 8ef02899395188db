import type { IssuerKeys, MeshObject, MeshView } from "../model/index.ts";
import { systemAuthorities } from "../xds/types/secret/system.ts";
import { fetchDocument } from "./document.ts";
import { IssuerDiscovery } from "./issuer-discovery.ts";
import { discoveredIssuers, locate } from "./mesh.ts";

type Said = ReadonlyMap<string, IssuerKeys>;
type Entry = readonly [issuer: string, keys: IssuerKeys];

export interface MeshIssuersOptions {
  /** Where what was heard is kept over a restart. Default: nowhere. */
  readonly state?: { readonly issuers: { read(): Iterable<Entry>; keep(said: () => Iterable<Entry>): void } };
  readonly log?: {
    info(fields: Readonly<Record<string, unknown>>, message: string): void;
    error(fields: Readonly<Record<string, unknown>>, message: string): void;
  };
}

/** How long whoever starts waits for issuers, in milliseconds. */
const PATIENCE = 5_000;

/** The issuers of tokens that objects of the mesh speak of and that tell themselves where their keys are. */
export class MeshIssuers implements Disposable {
  private readonly mesh: () => MeshView;
  private readonly options: MeshIssuersOptions;
  private readonly changed: (said: Said) => void;
  private readonly discovery: IssuerDiscovery;

  /** @param changed hears what all have said, whenever it is something else than before */
  constructor(mesh: () => MeshView, options: MeshIssuersOptions, changed: (said: Said) => void) {
    this.mesh = mesh;
    this.options = options;
    this.changed = changed;
    const { state, log } = options;
    const find = (host: string, port: number) => locate(mesh(), host, port);
    this.discovery = new IssuerDiscovery({
      fetch: (url, timeout) => fetchDocument(url, { timeout, locate: find, authorities: systemAuthorities }),
      said: (said) => {
        state?.issuers.keep(() => said);
        changed(said);
      },
      log: (issuer, problem) => {
        if (problem === undefined) log?.info({ issuer }, "an issuer of tokens told where its keys are");
        else log?.error({ issuer, problem }, "an issuer of tokens does not tell where its keys are");
      },
    });
  }

  /** Before there are objects: what was heard before a restart. */
  restore(): void {
    const said = new Map(this.options.state?.issuers.read() ?? []);
    if (said.size === 0) return;
    this.discovery.restore(said);
    this.changed(said);
  }

  /** After a change of objects: asks the issuers that there are now. */
  follow(objects: readonly MeshObject[]): void {
    if (objects.some(({ kind }) => kind === "RequestAuthentication")) this.discovery.want(discoveredIssuers(this.mesh()));
  }

  /** Resolves when every issuer has been asked, or was heard before a restart; or after some seconds: proxies that come earlier refuse the tokens of those that are missing. */
  async asked(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, PATIENCE)));
    await Promise.race([this.discovery.asked(), late]);
    clearTimeout(timer);
  }

  [Symbol.dispose](): void {
    this.discovery[Symbol.dispose]();
  }
}
