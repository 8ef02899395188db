export { Authority, BAD_PORT, NO_PORT, hostOf, parsePort, sameHost, withoutBrackets } from "./authority";
export { Cookies, cookie } from "./cookie";
export { EscapedSlashes, canonicalPath, normalizePath } from "./normalize";
export { PathParts, queryStart, removeQueryAndFragment } from "./path";
export { badEscape, percentDecode } from "./percent";
export { QueryParameters, queryParameter } from "./query";
export { mergeSlashes, unescapeSlashes } from "./slashes";
export { defaultPort, isScheme, isValidScheme } from "./scheme";
