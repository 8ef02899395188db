import { expect } from "vitest";
import { scriptedFilter } from "../host/testing/scripted-filter.ts";
import { scenario } from "../vitest.ts";
import { TargetError } from "./index.ts";

const chain = async () => ({ filters: [{ name: "scripted", module: await scriptedFilter() }] });

scenario("a request whose upstream cannot answer so is refused, and the next one is sent", { chain }, async ({ send }) => {
  const refusal = async (request: Parameters<typeof send>[0]) => {
    const error: unknown = await send(request).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TargetError);
    return (error as TargetError).message;
  };
  const expected = "request /: response.status: expected 101, or an integer from 200 to 999";
  expect(await refusal({ path: "/", response: { status: 103 } })).toBe(`${expected}, not 103`);
  expect(await refusal({ path: "/", response: { status: 200.5 } })).toBe(`${expected}, not 200.5`);
  expect(await refusal({ id: "seven", path: "/", protocol: "h2", response: { status: 700 } })).toBe(
    "request seven: response.status: over HTTP/2 expected an integer from 200 to 599, not 700",
  );
  const refused = "request /: response.status: over websocket expected 101, not 403";
  expect(await refusal({ path: "/", protocol: "websocket", response: { status: 403 } })).toBe(refused);
  expect((await send({ path: "/", response: { status: 299 } })).status).toBe(299);
});
