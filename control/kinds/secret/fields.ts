import { boolean, defaulted, type FieldType, isMapping, object, optional, text } from "../../model/fields/index.ts";
import { Code } from "../../model/index.ts";

export type SecretData = ReadonlyMap<string, Buffer>;

const NAME = /^[-._a-zA-Z0-9]{1,253}$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/** A mapping of secret values. No message tells a value, whatever is wrong with it. */
function secrets(shape: string, decode: (value: string) => Buffer | undefined): FieldType<SecretData> {
  return {
    shape,
    read(value, context) {
      if (!isMapping(value)) return context.wrong("expected a mapping of names to texts");
      const data = new Map<string, Buffer>();
      let good = true;
      for (const [key, entry] of Object.entries(value)) {
        const at = context.at(key);
        const decoded = typeof entry === "string" ? decode(entry) : undefined;
        if (!NAME.test(key)) at.wrong(`a name has up to 253 letters, digits, "-", "_" and "."`);
        else if (typeof entry !== "string") at.report("error", Code.Value, "expected a text; the value is not shown");
        else if (decoded === undefined)
          at.report("error", Code.Value, "is not base64; plain text stands under stringData. The value is not shown");
        if (decoded === undefined || !NAME.test(key)) good = false;
        else data.set(key, decoded);
      }
      return good ? data : undefined;
    },
  };
}

/** `v1.Secret` of Kubernetes. */
export const fields = object(
  {
    type: defaulted(text(), "Opaque", "`kubernetes.io/tls`, or Opaque with Istio's names; others say nothing to a mesh."),
    data: optional(
      secrets("map of base64", (value) => {
        const packed = value.replace(/\s/g, "");
        return BASE64.test(packed) ? Buffer.from(packed, "base64") : undefined;
      }),
      "Values in base64: `tls.crt`, `tls.key`, `ca.crt`, `ca.crl`; or `cert`, `key`, `cacert`, `crl`.",
    ),
    stringData: optional(
      secrets("map of text", (value) => Buffer.from(value)),
      "Values as plain text; they go before those of `data`.",
    ),
    immutable: optional(boolean, "Has no effect."),
  },
  { ignored: [] },
);

export type SecretSpec = NonNullable<ReturnType<typeof fields.read>>;
