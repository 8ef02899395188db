/** What a scalar without quotes stands for. */
export type Scalar = string | number | boolean | null;

const BOOLEANS: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"].map((word) => [word, true])),
  ...Object.fromEntries(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"].map((word) => [word, false])),
};

/**
 * Reads a scalar without quotes as Kubernetes and Istio do, which is YAML 1.1 as `sigs.k8s.io/yaml` has it: `on`, `yes` and `y` are true, `010` is 8, `1_000`
 * is 1000; `1:30` and dates stay text. What does not fit a number stays text too, as there.
 */
export function readPlainScalar(text: string): Scalar {
  if (text.length > 0 && !FIRST.test(text)) return text;
  switch (text) {
    case "":
    case "~":
    case "null":
    case "Null":
    case "NULL":
      return null;
  }
  const word = Object.hasOwn(BOOLEANS, text) ? BOOLEANS[text] : undefined;
  return word ?? readNumber(text) ?? text;
}

/** What numbers, booleans and null can begin with. */
const FIRST = /^[-+.\d~nNyYtTfFoO]/;

function readNumber(text: string): number | undefined {
  if (!/^[-+.\d]/.test(text)) return undefined;
  const plain = text.replaceAll("_", "");
  const [, sign = "", prefixed, octal] = PREFIXED.exec(plain) ?? [];
  const digits = octal === undefined ? (prefixed ?? (DECIMAL.test(plain) ? plain : undefined)) : `0o${octal}`;
  if (digits === undefined) return undefined;
  // Without `+ 0`, -0 would be another value than 0.
  const number = (sign === "-" ? -1 : 1) * Number(digits) + 0;
  return Number.isFinite(number) ? number : undefined;
}

/** Go's `strconv.ParseInt` with base 0, where a leading 0 means octal; `08` is none and decimal again. */
const PREFIXED = /^([-+]?)(?:(0[xX][\da-fA-F]+|0[bB][01]+)|0[oO]?([0-7]+))$/;
const DECIMAL = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/;
