import { sendableProblem } from "../target/sendable.ts";
import type { Body, ExchangeRequest, HeaderList } from "../target/index.ts";

/**
 * Makes a list of requests as small as it stays a reproduction: fewer requests first, then no times, then less in each.
 *
 * @param fails whether a list still shows what was found
 * @param over whether to stop with what there is
 */
export async function shrink(
  requests: readonly ExchangeRequest[],
  fails: (requests: readonly ExchangeRequest[]) => Promise<boolean>,
  over: () => boolean,
): Promise<readonly ExchangeRequest[]> {
  let smallest = await fewer(requests, fails, over);
  // All or none: with a time for some, others would come at that of the run, which is another one each time.
  const timeless = smallest.map(({ time: _, ...request }) => request);
  if (smallest.some(({ time }) => time !== undefined) && !over() && (await fails(timeless))) smallest = timeless;
  for (let changed = true; changed && !over();) {
    changed = false;
    for (const index of smallest.keys()) {
      for (const candidate of smaller(smallest[index] ?? { path: "/" })) {
        if (over()) return smallest;
        if (sendableProblem(candidate) !== undefined) continue;
        const attempt = smallest.with(index, candidate);
        if (!(await fails(attempt))) continue;
        smallest = attempt;
        changed = true;
        break;
      }
    }
  }
  return smallest;
}

/** Leaves out halves, then quarters, and so on (delta debugging); the last request shows the finding, and stays. */
async function fewer(
  requests: readonly ExchangeRequest[],
  fails: (requests: readonly ExchangeRequest[]) => Promise<boolean>,
  over: () => boolean,
): Promise<readonly ExchangeRequest[]> {
  let kept = requests;
  for (let size = Math.ceil((kept.length - 1) / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < kept.length - 1 && !over();) {
      const attempt = kept.toSpliced(at, Math.min(size, kept.length - 1 - at));
      if (await fails(attempt)) kept = attempt;
      else at += size;
    }
  }
  return kept;
}

/** Requests with a little less than this one, what takes away most first. */
function* smaller(request: ExchangeRequest): Generator<ExchangeRequest> {
  for (const field of [
    "response",
    "reset",
    "chunks",
    "body",
    "trailers",
    "headers",
    "metadata",
    "source",
    "destination",
    "sni",
    "protocol",
    "method",
    "authority",
    "id",
  ] as const) {
    if (request[field] === undefined) continue;
    const { [field]: _, ...rest } = request;
    yield rest;
  }
  for (const path of smallerText(request.path)) if (path.startsWith("/")) yield { ...request, path };
  for (const headers of smallerHeaders(request.headers)) yield { ...request, headers };
  for (const trailers of smallerHeaders(request.trailers)) yield { ...request, trailers };
  for (const body of smallerBody(request.body)) yield { ...request, body };
  for (const chunks of smallerPieces(request.chunks)) yield { ...request, chunks };
  const { response } = request;
  if (response === undefined) return;
  for (const field of ["delay", "reset", "trailers", "chunks", "body", "headers", "status"] as const) {
    if (response[field] === undefined) continue;
    const { [field]: _, ...rest } = response;
    yield { ...request, response: rest };
  }
  for (const headers of smallerHeaders(response.headers)) yield { ...request, response: { ...response, headers } };
  for (const body of smallerBody(response.body)) yield { ...request, response: { ...response, body } };
  for (const chunks of smallerPieces(response.chunks)) yield { ...request, response: { ...response, chunks } };
}

function* smallerPieces(pieces: readonly Body[] = []): Generator<readonly Body[]> {
  for (const [at, piece] of pieces.entries()) {
    yield pieces.toSpliced(at, 1);
    for (const body of smallerBody(piece)) yield pieces.with(at, body);
  }
}

function* smallerHeaders(headers: HeaderList = []): Generator<HeaderList> {
  for (const at of headers.keys()) yield headers.toSpliced(at, 1);
  for (const [at, [name, value]] of headers.entries()) for (const text of smallerText(value)) yield headers.with(at, [name, text]);
}

function* smallerBody(body: Body | undefined): Generator<Body> {
  if (typeof body === "string") yield* smallerText(body);
  else if (body !== undefined && body.base64.length > 4) yield { base64: body.base64.slice(0, Math.floor(body.base64.length / 8) * 4) };
}

/** Nothing, a half, one character less, simpler characters. */
function* smallerText(text: string): Generator<string> {
  if (text === "") return;
  yield "";
  if (text === "/") return;
  if (text.length > 3) {
    yield text.slice(0, Math.ceil(text.length / 2));
    yield text.slice(Math.ceil(text.length / 2));
    if (text.startsWith("/")) yield `/${text.slice(Math.ceil(text.length / 2))}`;
  }
  for (const part of [16, 128, 1024]) if (text.length > 2 * part) yield text.slice(0, -Math.floor(text.length / part));
  if (text.length > 1) yield text.slice(0, -1);
  if (text.length > 1 && text.startsWith("/")) yield `/${text.slice(2)}`;
  else if (text.length > 1) yield text.slice(1);
  const simpler = text.replace(/[^a/]/u, "a");
  if (text.length <= 40 && simpler !== text) yield simpler;
}
