import { Text } from "../bytes";

/**
 * The names of claims, one inside the other, in Istio's two forms: `[group][nested]`, and `.group.nested` for names without a dot.
 * `null` for what has neither form.
 */
export function parseClaimPath(text: string): Text[] | null {
  const brackets = text.startsWith("[") && text.endsWith("]") && text.length > 2;
  if (!brackets && !(text.startsWith(".") && text.length > 1)) return null;
  const names = brackets ? text.substring(1, text.length - 1).split("][") : text.substring(1).split(".");
  const path: Text[] = [];
  for (let i = 0; i < names.length; i++) {
    if (names[i].length == 0 || names[i].includes("[") || names[i].includes("]")) return null;
    path.push(Text.of(names[i]));
  }
  return path;
}
