import type { GrpcServiceSchema } from "../../../envoy-api/generated/envoy/config/core/v3/grpc_service_pb.ts";
import type { HeaderValueSchema } from "../../../envoy-api/generated/envoy/config/core/v3/base_pb.ts";
import { milliseconds } from "../../../envoy-api/index.ts";
import type { ExtensionProvider } from "../../../model/index.ts";
import { outboundCluster } from "../cluster-name.ts";
import type { Init } from "./init.ts";

// MeshConfig's `extensionProviders`, as logs and traces speak to them. Their options have the shapes that the kind has checked.

type Options = ExtensionProvider["options"];

/** The host and cluster of the service that a provider stands for: `[NAMESPACE/]HOST`, and its port. */
export function serviceOf(options: Options): { readonly host: string; readonly cluster: string } {
  const service = textOf(options, "service") ?? "";
  const host = service.slice(service.indexOf("/") + 1).toLowerCase();
  return { host, cluster: outboundCluster(host, numberOf(options, "port") ?? 0) };
}

/** Calls by gRPC to the service of a provider. */
export function grpcService(options: Options, { timeout, initialMetadata }: Options = {}): Init<typeof GrpcServiceSchema> {
  const { host, cluster } = serviceOf(options);
  return {
    targetSpecifier: { case: "envoyGrpc", value: { clusterName: cluster, authority: host } },
    ...(typeof timeout === "number" ? { timeout: milliseconds(timeout) } : {}),
    initialMetadata: headersOf(initialMetadata),
  };
}

export function headersOf(value: unknown): Init<typeof HeaderValueSchema>[] {
  const headers = (value ?? []) as readonly { readonly name: string; readonly value?: string; readonly envName?: string }[];
  // Of the control service's own environment, as in Istio (`getHeaderValue`).
  return headers.map(({ name, value: text, envName }) => ({ key: name, value: text ?? process.env[envName ?? ""] ?? "" }));
}

export function textOf(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}

export function numberOf(options: Options, name: string): number | undefined {
  const value = options[name];
  return typeof value === "number" ? value : undefined;
}

export function textsOf(options: Options, name: string): string[] {
  const value = options[name];
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

export function optionsOf(options: Options, name: string): Options | undefined {
  const value = options[name];
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Options) : undefined;
}
