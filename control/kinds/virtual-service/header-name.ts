/** What is wrong with the name of a header (RFC 9110, section 5.1: a token). */
export function wrongHeaderName(name: string): string | undefined {
  if (name === "") return "a header's name must not be empty";
  if (name.startsWith(":")) return `${JSON.stringify(name)} is a pseudo-header; match it by "uri", "method", "scheme" or "authority"`;
  return isToken(name) ? undefined : `${JSON.stringify(name)} is no name of a header`;
}

/** The same of a header that is changed: `host` and `:authority` rewrite the authority, no other pseudo-header can be changed. */
export function wrongChangedHeader(name: string): string | undefined {
  if (name.toLowerCase() === ":authority") return undefined;
  if (name.startsWith(":")) return `${JSON.stringify(name)} cannot be changed; of the pseudo-headers only ":authority" can`;
  return name === "" || !isToken(name) ? `${JSON.stringify(name)} is no name of a header` : undefined;
}

function isToken(name: string): boolean {
  return /^[-!#$%&'*+.^_`|~0-9A-Za-z]+$/.test(name);
}

/** What is wrong with a header's value, in which Envoy expands `%REQ(name)%` and the like; a percent sign by itself is `%%`. */
export function wrongHeaderValue(value: string): string | undefined {
  if (/[\x00\r\n]/.test(value)) return "must not have line breaks or NUL";
  return /^([^%]|%%|%[A-Z][A-Z0-9_]*(\([^)]*\))?(:\d+)?%)*$/.test(value)
    ? undefined
    : `${JSON.stringify(value)}: "%" begins one of Envoy's command operators, such as %REQ(x-id)%; write "%%" for the sign itself`;
}
