export type Labels = Readonly<Record<string, string>>;

/** Whether `labels` have all that `selector` asks for; an empty selector selects everything. */
export function selects(selector: Labels, labels: Labels): boolean {
  for (const [key, value] of Object.entries(selector)) if (labels[key] !== value) return false;
  return true;
}
