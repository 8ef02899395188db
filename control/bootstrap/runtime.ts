import type { Json } from "./json.ts";
import type { ProxyConfig } from "./proxy-config.ts";

/**
 * What Istio sets for every proxy and still has an effect. Regular expressions of routes may be this big (Envoy refuses any above 100 by itself). Left out:
 *
 * - `http_reject_path_with_fragment: false`: a `#` in a path is answered with 400, as behind istiod with an Envoy of stock;
 * - `global_downstream_max_connections`: the overload manager has the limit.
 */
const ISTIO = { "re2.max_program_size.error_level": 32_768 };

/** `layered_runtime`: Istio's settings, `runtimeValues` of ProxyConfig over them, and above both what is set through the admin interface. */
export function layeredRuntime({ runtimeValues = {} }: ProxyConfig): Json {
  const values: Record<string, unknown> = { ...ISTIO };
  for (const [name, value] of Object.entries(runtimeValues)) {
    // "" takes a default away, as in Istio; Envoy wants truth values as such.
    if (value === "") Reflect.deleteProperty(values, name);
    else values[name] = value === "true" ? true : value === "false" ? false : value;
  }
  return {
    layers: [
      { name: "global config", static_layer: values },
      { name: "admin", admin_layer: {} },
    ],
  };
}
