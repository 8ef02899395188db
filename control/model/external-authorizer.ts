import type { ExtensionProvider, MeshSettings } from "./settings.ts";

/** Whom CUSTOM policies ask: one of MeshConfig's `extensionProviders`, as far as it can be asked. */
export interface ExternalAuthorizer {
  readonly name: string;
  readonly type: "envoyExtAuthzHttp" | "envoyExtAuthzGrpc";
  readonly host: string;
  readonly port: number;
  /** As MeshConfig has them; times are milliseconds. */
  readonly options: ExtensionProvider["options"];
}

/** The authorizer of a name, or what is wrong with it: then what its policies match is denied (Istio's `getExtAuthz`). */
export function externalAuthorizer({ extensionProviders }: MeshSettings, name: string): ExternalAuthorizer | string {
  const found = extensionProviders.find((each) => each.name === name);
  if (found === undefined) {
    const others = extensionProviders.filter(({ type }) => isAuthorizer(type)).map((each) => each.name);
    return `MeshConfig has no extension provider ${JSON.stringify(name)}${others.length === 0 ? "" : `; there are ${others.join(", ")}`}`;
  }
  const { type, options } = found;
  if (!isAuthorizer(type)) return `extension provider ${name} is ${type}, which authorizes nobody`;
  const { service, port } = options as { readonly service: string; readonly port: number };
  const wrong = wrongOption(options);
  if (wrong !== undefined) return `extension provider ${name}: ${wrong}`;
  return { name, type, host: service.slice(service.indexOf("/") + 1).toLowerCase(), port, options };
}

function isAuthorizer(type: string): type is ExternalAuthorizer["type"] {
  return type === "envoyExtAuthzHttp" || type === "envoyExtAuthzGrpc";
}

/** 1 MiB: what Envoy lets a filter see of a body (`filters/authorization`). */
const MOST_BODY = 1_048_576;

/** An option that the filter cannot carry out, which is more than it refuses by itself: it would refuse every policy of the workload. */
function wrongOption({ statusOnError, pathPrefix, includeRequestBodyInCheck, ...lists }: ExtensionProvider["options"]): string | undefined {
  if (typeof statusOnError === "string" && !/^[45]\d\d$/.test(statusOnError))
    return `statusOnError ${JSON.stringify(statusOnError)} is not supported; "400" to "599" is`;
  if (typeof pathPrefix === "string" && !pathPrefix.startsWith("/")) return "pathPrefix must begin with /";
  if (includeRequestBodyInCheck !== undefined) {
    const { maxRequestBytes } = includeRequestBodyInCheck as { readonly maxRequestBytes?: number };
    if (maxRequestBytes === undefined || maxRequestBytes < 1 || maxRequestBytes > MOST_BODY)
      return `includeRequestBodyInCheck.maxRequestBytes must be 1 to ${MOST_BODY}`;
  }
  if (lists["includeHeadersInCheck"] !== undefined && lists["includeRequestHeadersInCheck"] !== undefined)
    return "includeHeadersInCheck is the old name of includeRequestHeadersInCheck; keep one";
  return undefined;
}
