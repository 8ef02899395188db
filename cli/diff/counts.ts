/** As people read it: with separators. */
export function number(of: number): string {
  return of.toLocaleString("en");
}

/** Says of how many others nothing is said; nothing where there are none. */
export function more(count: number, indentation: string): string {
  return count > 0 ? `${indentation}and ${number(count)} more\n` : "";
}
