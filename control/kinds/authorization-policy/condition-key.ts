import { wrongAddressRange, wrongNamespace, wrongPort, wrongPrincipal, wrongServiceAccount } from "./values.ts";

/** What is wrong with a value of a condition; undefined where nothing is. */
type Check = (value: string) => string | undefined;

const anything: Check = () => undefined;

const CHECKS: Readonly<Record<string, Check>> = {
  "source.ip": wrongAddressRange,
  "remote.ip": wrongAddressRange,
  "destination.ip": wrongAddressRange,
  "destination.port": wrongPort,
  "source.namespace": wrongNamespace,
  "source.principal": wrongPrincipal,
  "source.serviceAccount": wrongServiceAccount,
  "request.auth.principal": anything,
  "request.auth.audiences": anything,
  "request.auth.presenter": anything,
  "request.auth.consumer": anything,
  "connection.sni": anything,
};

/** What is wrong with a key, and whether it is one of Istio's that is not carried out. */
export interface WrongKey {
  readonly refused: boolean;
  readonly message: string;
}

/** Istio's `ValidateAttribute`. */
export function wrongKey(key: string): WrongKey | undefined {
  if (Object.hasOwn(CHECKS, key)) return undefined;
  const wrong = (message: string, refused = false): WrongKey => ({ message, refused });
  if (key.startsWith("request.headers")) {
    if (/^request\.headers\[:?[-!#$%&'*+.^_`|~0-9A-Za-z]+\]$/.test(key)) return undefined;
    return wrong(`${JSON.stringify(key)}: write request.headers[NAME], with the name of a header`);
  }
  if (key.startsWith("request.auth.claims")) {
    if (/^request\.auth\.claims(\[[^[\]]+\])+$/.test(key)) return undefined;
    return wrong(`${JSON.stringify(key)}: write request.auth.claims[NAME], or request.auth.claims[NAME][NAME] for a claim in a claim`);
  }
  if (key.startsWith("experimental.envoy.filters."))
    return wrong(
      "what native filters write into their metadata is not looked at; use request.headers[...] or request.auth.claims[...]",
      true,
    );
  if (key === "destination.namespace") return wrong("the namespace is that of the policy: metadata.namespace", true);
  if (key.startsWith("destination.labels")) return wrong("labels are selected by: selector", true);
  if (key === "destination.name" || key === "destination.user") return wrong("it was of v1alpha1 alone", true);
  return wrong(
    `there is no key ${JSON.stringify(key)}; there are request.headers[NAME], request.auth.claims[NAME], ${Object.keys(CHECKS).join(", ")}`,
  );
}

export function wrongConditionValue(key: string, value: string): string | undefined {
  return CHECKS[key]?.(value);
}
