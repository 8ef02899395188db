/** A sample of Prometheus' text format. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Page {
  readonly samples: readonly Sample[];
  /** By metric. */
  readonly types: ReadonlyMap<string, string>;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|(?=\}))/;

/**
 * Reads a page as Prometheus does (text format 0.0.4, https://prometheus.io/docs/instrumenting/exposition_formats/), strictly: a line that is not of the
 * format, a metric declared twice, or a sample that stands twice fails the whole page, as it fails a scrape.
 */
export function readPage(text: string): Page {
  const samples: Sample[] = [];
  const types = new Map<string, string>();
  const seen = new Set<string>();
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const declared = /^# TYPE (\S+) (counter|gauge|histogram|summary|untyped)$/.exec(line);
    if (declared !== null) {
      const [, name = "", type = ""] = declared;
      if (types.has(name)) throw new Error(`declared twice: ${line}`);
      types.set(name, type);
      continue;
    }
    const sample = readSample(line);
    const key = JSON.stringify([sample.name, Object.entries(sample.labels).toSorted()]);
    if (seen.has(key)) throw new Error(`stands twice: ${line}`);
    seen.add(key);
    samples.push(sample);
  }
  return { samples, types };
}

function readSample(line: string): Sample {
  const name = NAME.exec(line)?.[0];
  if (name === undefined) throw new Error(`no sample: ${line}`);
  let rest = line.slice(name.length);
  const labels: Record<string, string> = {};
  if (rest.startsWith("{")) {
    rest = rest.slice(1);
    while (!rest.startsWith("}")) {
      const label = LABEL.exec(rest);
      if (label === null) throw new Error(`no label at ${rest.slice(0, 40)} of: ${line}`);
      const [all, key = "", value = ""] = label;
      if (Object.hasOwn(labels, key)) throw new Error(`label ${key} stands twice: ${line}`);
      labels[key] = value.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
      rest = rest.slice(all.length);
    }
    rest = rest.slice(1);
  }
  const value = /^ (\S+)$/.exec(rest)?.[1];
  if (value === undefined || Number.isNaN(Number(value))) throw new Error(`no value: ${line}`);
  return { name, labels, value: Number(value) };
}
