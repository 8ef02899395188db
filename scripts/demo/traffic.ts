import { colorsOf } from "../../cli/colors.ts";

/** What a visitor of the bookshop saw. */
export interface Visit {
  readonly status: number;
  /** Of the reviews; `none` where there were none. */
  readonly reviews: string;
}

export async function visit(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Visit> {
  const response = await fetch(`${url}/productpage`, { headers });
  const body = await response.text();
  return { status: response.status, reviews: /data-reviews="(\w+)"/.exec(body)?.[1] ?? "none" };
}

/** What becomes of a request that comes without TLS, by the network's word for it: `ECONNRESET`; undefined where it is answered. */
export async function refusalOf(url: string): Promise<string | undefined> {
  try {
    await (await fetch(url)).text();
    return undefined;
  } catch (error) {
    const { cause } = error as Error;
    return cause instanceof Error && "code" in cause ? String(cause.code) : String(cause ?? error);
  }
}

const pc = colorsOf(process.stdout);
const SHOWN = 40;
const COLOURS: Readonly<Record<string, (text: string) => string>> = { v1: pc.blue, v2: pc.yellow, v3: pc.red };

/** The last visits in a line: one digit each, and the share of every version. */
export class Traffic {
  private readonly last: Visit[] = [];

  add(visit: Visit): void {
    this.last.push(visit);
    if (this.last.length > SHOWN) this.last.shift();
  }

  line(): string {
    const marks = this.last.map(({ status, reviews }) =>
      status === 200 && reviews !== "none" ? (COLOURS[reviews] ?? pc.gray)(reviews.slice(1)) : pc.magenta("x"),
    );
    const shares = [...Object.keys(COLOURS), "none"].flatMap((version) => {
      const share = this.last.filter(({ status, reviews }) => (status === 200 ? reviews : "none") === version).length / this.last.length;
      return share > 0 ? [`${version === "none" ? "failed" : version} ${Math.round(share * 100)} %`] : [];
    });
    return `reviews ${marks.join("")}${" ".repeat(SHOWN - marks.length)}  ${shares.join("  ")}`;
  }
}
