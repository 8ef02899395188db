import { request } from "node:http";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";

/** One program of the bookshop. */
export interface Program {
  /** `reviews` */
  readonly app: string;
  readonly version: string;
}

export const PROGRAMS: readonly Program[] = [
  { app: "productpage", version: "v1" },
  { app: "details", version: "v1" },
  { app: "reviews", version: "v1" },
  { app: "reviews", version: "v2" },
  { app: "reviews", version: "v3" },
  { app: "ratings", version: "v1" },
];

/** Headers that belong to a caller's request, and go along with what it causes. */
const PASSED_ON = ["x-request-id", "x-user", "traceparent", "tracestate"];

/** A running program. What it calls, it calls through its Envoy, which listens on a socket beside it. */
export class RunningProgram implements AsyncDisposable {
  readonly port: number;
  private readonly server: Server;

  private constructor(server: Server) {
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** @param egress path of the socket on which its Envoy takes what it calls */
  static async start({ app, version }: Program, egress: string): Promise<RunningProgram> {
    const call = (incoming: IncomingMessage, host: string, path: string) => ask(egress, host, path, passedOn(incoming));
    const server = createServer((incoming, response) => {
      const answer = (type: string, body: string) => response.writeHead(200, { "content-type": type }).end(body);
      const fail = (error: unknown) => response.writeHead(502, { "content-type": "text/plain" }).end(`${String(error)}\n`);
      if (app === "productpage") {
        Promise.all([call(incoming, "details:9080", "/details/0"), call(incoming, "reviews:9080", "/reviews/0")]).then(
          ([details, reviews]) => answer("text/html", page(details, reviews)),
          fail,
        );
      } else if (app === "reviews" && version !== "v1") {
        call(incoming, "ratings:9080", "/ratings/0").then(
          (ratings) => answer("application/json", JSON.stringify({ version, stars: JSON.parse(ratings.body) as unknown })),
          fail,
        );
      } else if (app === "reviews") answer("application/json", JSON.stringify({ version }));
      else if (app === "ratings") answer("application/json", "[5,4]");
      else
        answer(
          "application/json",
          JSON.stringify({ title: "The Comedy of Errors", author: "William Shakespeare", year: 1595, pages: 200 }),
        );
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new RunningProgram(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.server, "close");
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }
}

interface Called {
  readonly status: number;
  readonly body: string;
}

function ask(socketPath: string, host: string, path: string, headers: Readonly<Record<string, string>>): Promise<Called> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, headers: { host, ...headers }, timeout: 5_000 }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.on("timeout", () => outgoing.destroy(new Error(`${host} did not answer within 5 s`)));
    outgoing.end();
  });
}

function passedOn({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(PASSED_ON.flatMap((name) => (typeof headers[name] === "string" ? [[name, headers[name]] as const] : [])));
}

function page(details: Called, reviews: Called): string {
  return `<!doctype html>
<title>Bookshop</title>
<body style="font-family: system-ui; max-width: 40em; margin: 3em auto">
<h1>${details.status === 200 ? (JSON.parse(details.body) as { readonly title: string }).title : "A book"}</h1>
<p>${details.status === 200 ? detailsOf(details.body) : `The details are not there (${details.status}).`}</p>
<h2>Reviews</h2>
<p data-reviews="${reviews.status === 200 ? (JSON.parse(reviews.body) as { readonly version: string }).version : "none"}">${reviews.status === 200 ? reviewsOf(reviews.body) : `The reviews are not there (${reviews.status}).`}</p>
</body>
`;
}

function detailsOf(body: string): string {
  const { author, year, pages } = JSON.parse(body) as { readonly author: string; readonly year: number; readonly pages: number };
  return `${author}, ${year}, ${pages} pages`;
}

function reviewsOf(body: string): string {
  const { version, stars = [] } = JSON.parse(body) as { readonly version: string; readonly stars?: readonly number[] };
  const colour = version === "v3" ? "crimson" : "black";
  const texts = ["An extremely entertaining play.", "Absolutely fun, with a clever plot."];
  const shown = texts.map((text, index) => `${text} <span style="color: ${colour}">${"★".repeat(stars[index] ?? 0)}</span>`);
  return `${shown.join("<br>")}<br><small>reviews ${version}</small>`;
}
