import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type IssuerKeys, readJwksUri } from "../model/index.ts";
import { State } from "./index.ts";

function temporary(): string {
  const path = mkdtempSync(join(tmpdir(), "meshwright-issuers-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const said = (uri: string | undefined): IssuerKeys => {
  const read = uri === undefined ? undefined : readJwksUri(uri);
  if (typeof read === "string") throw new Error(read);
  return { uri: read, problem: undefined };
};

test("what issuers told is there again, and of those that told nothing is nothing", async () => {
  const directory = temporary();
  {
    await using state = new State(directory, { warn: expect.unreachable });
    state.issuers.keep(
      () =>
        new Map([
          ["https://a.example.com", said("https://a.example.com/keys")],
          ["https://b.example.com", said(undefined)],
        ]),
    );
  }
  const kept = new State(directory, { warn: expect.unreachable }).issuers.read();
  expect(kept).toEqual([["https://a.example.com", said("https://a.example.com/keys")]]);
});

test("where nothing was kept, or it is broken, nothing is known", () => {
  const directory = temporary();
  expect(new State(directory, { warn: expect.unreachable }).issuers.read()).toEqual([]);
  writeFileSync(join(directory, "issuers.json"), "{");
  const warnings: string[] = [];
  expect(new State(directory, { warn: (message) => warnings.push(message) }).issuers.read()).toEqual([]);
  expect(warnings).toEqual([expect.stringContaining("what issuers told of their keys is not known any more")]);
});
