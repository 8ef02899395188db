/** `exportTo`: the namespaces that see an object. `*` everywhere, `.` its own, `~` nowhere. */
export type ExportTo = readonly string[];

/** Whether an object of `namespace` is seen from `from`. */
export function isVisible(exportTo: ExportTo, namespace: string, from: string): boolean {
  return exportTo.some((entry) => entry === "*" || entry === from || (entry === "." && namespace === from));
}
