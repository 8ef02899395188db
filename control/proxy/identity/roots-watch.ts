import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { setTimeout as sleep } from "node:timers/promises";
import { NodeSchema } from "../../envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
} from "../../envoy-api/generated/envoy/service/discovery/v3/discovery_pb.ts";
import { ProxyConfigSchema } from "../../envoy-api/generated/mesh/v1alpha1/proxy_pb.ts";
import { typeUrl } from "../../envoy-api/index.ts";
import { Certificate } from "../../identity/index.ts";
import type { Log } from "../log.ts";
import { type CertificateSource, connectTo, type Credentials } from "./certificate-client.ts";

export interface RootsWatchOptions {
  /** Asked for each connection. */
  readonly source: () => CertificateSource;
  /** What is shown there over TLS. */
  readonly certificate: () => Credentials["certificate"];
  /** Has these certificates trusted, PEM; resolves when the Envoy has them, rejects where it refuses them or the signal says so. */
  readonly take: (roots: string, signal: AbortSignal) => Promise<void>;
  /** What was taken may not be the latest any more. */
  readonly lost: () => void;
  readonly log: Log;
  /** Default: `Math.random`. */
  readonly random?: () => number;
}

const METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
const ROOTS = typeUrl(ProxyConfigSchema);
/** Milliseconds between attempts: at first, and at most. */
const BASE = 500;
const MAXIMUM = 30_000;
/** `google.rpc.Code.INVALID_ARGUMENT` */
const INVALID = 3;

interface Run {
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

/**
 * Follows what the mesh trusts, by xDS, with the node of the Envoy that this process stands beside: Istio's resource for its agents (`istio.mesh.v1alpha1.ProxyConfig`, `ca_certificates_pem`). It is acknowledged
 * when the Envoy has it, so that the control service knows when every peer can be shown a certificate of a new root.
 */
export class RootsWatch implements AsyncDisposable {
  private readonly options: RootsWatchOptions;
  private readonly random: () => number;
  private run: Run | undefined;
  private stream = new AbortController();

  constructor(options: RootsWatchOptions) {
    this.options = options;
    this.random = options.random ?? Math.random;
  }

  /** @param node of the Envoy, encoded; undefined: it is gone, and nothing is followed until one comes */
  follow(node: Uint8Array | undefined): void {
    this.run?.stop.abort();
    const before = this.run?.done;
    this.run = undefined;
    if (node === undefined) return;
    const stop = new AbortController();
    this.run = { stop, done: Promise.resolve(before).then(() => this.keep(node, stop.signal)) };
  }

  /** Connects anew, since another certificate is to be shown. */
  again(): void {
    this.stream.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const done = this.run?.done;
    this.follow(undefined);
    await done;
  }

  private async keep(node: Uint8Array, stopped: AbortSignal): Promise<void> {
    for (let failures = 0; !stopped.aborted;) {
      this.stream = new AbortController();
      const replaced = this.stream.signal;
      const { answered, reason } = await this.once(node, AbortSignal.any([stopped, replaced]));
      this.options.lost();
      if (stopped.aborted || replaced.aborted) continue;
      failures = answered ? 0 : failures + 1;
      if (failures === 1)
        this.options.log.warn({ reason }, "new roots of the mesh are not heard of now, and come with the next certificate");
      const limit = Math.min(MAXIMUM, BASE * 2 ** Math.max(0, failures - 1));
      await sleep(limit * (0.5 + this.random() / 2), undefined, { signal: AbortSignal.any([stopped, replaced]) }).catch(() => undefined);
    }
  }

  /** One stream, to its end. */
  private once(node: Uint8Array, signal: AbortSignal): Promise<{ readonly answered: boolean; readonly reason: string }> {
    const client = connectTo(this.options.source(), this.options.certificate());
    const call = client.makeBidiStreamRequest<MessageInitShape<typeof DeltaDiscoveryRequestSchema>, DeltaDiscoveryResponse>(
      METHOD,
      (message) => Buffer.from(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, message))),
      (bytes) => fromBinary(DeltaDiscoveryResponseSchema, bytes),
    );
    const cancel = () => call.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    let answering: Promise<void> | undefined;
    call.on("data", (response: DeltaDiscoveryResponse) => {
      const { nonce: responseNonce } = response;
      answering = (answering ?? Promise.resolve())
        .then(() => this.take(response, signal))
        .then((refusal) => {
          if (signal.aborted) return;
          const error = refusal === undefined ? {} : { errorDetail: { code: INVALID, message: refusal } };
          call.write({ typeUrl: ROOTS, responseNonce, ...error });
        });
    });
    call.write({ node: fromBinary(NodeSchema, node), typeUrl: ROOTS });
    return new Promise((resolve) => {
      const end = (reason: string) => {
        signal.removeEventListener("abort", cancel);
        client.close();
        resolve({ answered: answering !== undefined, reason });
      };
      call.on("error", (error: Error) => end(error.message));
      call.on("end", () => end("the control service has ended the stream"));
    });
  }

  /** @returns why they are not taken; undefined where they are */
  private async take({ resources }: DeltaDiscoveryResponse, signal: AbortSignal): Promise<string | undefined> {
    try {
      for (const { resource } of resources) {
        const roots = fromBinary(ProxyConfigSchema, resource?.value ?? new Uint8Array()).caCertificatesPem.join("");
        const certificates = Certificate.readAll(roots);
        const other = certificates.find(({ ca }) => !ca);
        if (certificates.length === 0 || other !== undefined)
          throw new Error(`${other?.subject ?? "what was sent"} is no certificate of an authority`);
        await this.options.take(roots, signal);
        this.options.log.info({ roots: certificates.map(({ subject }) => subject) }, "this proxy trusts the roots of the mesh");
      }
      return undefined;
    } catch (error) {
      const reason = (error as Error).message;
      if (!signal.aborted) this.options.log.error({ reason }, "the roots of the mesh are not taken");
      return reason;
    }
  }
}
