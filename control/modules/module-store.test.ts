import { once } from "node:events";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ModuleRequest, ModuleState } from "../model/index.ts";
import { ModuleStore, type ModuleStoreOptions } from "./index.ts";
import { smallModule, tarOf, writeLayout } from "./testing.ts";
import { sha256Of } from "./unpack.ts";

let folder: string;
const stores: ModuleStore[] = [];
const servers: Server[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "modules-"));
});
afterEach(async () => {
  for (const store of stores.splice(0)) await store[Symbol.asyncDispose]();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  await rm(folder, { recursive: true, force: true });
});

const request = (url: string, more: Partial<ModuleRequest> = {}): ModuleRequest => ({
  key: JSON.stringify([url, more.sha256]),
  url,
  sha256: undefined,
  pull: "IfNotPresent",
  ...more,
});

class Heard {
  states: ReadonlyMap<string, ModuleState> = new Map();
  readonly warnings: string[] = [];
  readonly store: ModuleStore;

  constructor(options: Partial<ModuleStoreOptions> = {}) {
    this.store = new ModuleStore({
      changed: (states) => (this.states = states),
      warn: (_, message) => this.warnings.push(message),
      retry: 20,
      interval: 20,
      ...options,
    });
    stores.push(this.store);
  }

  async ask(...requests: readonly ModuleRequest[]): Promise<readonly string[]> {
    this.store.want(requests);
    await this.store.settled();
    return requests.map((each) => this.told(each));
  }

  /** The module's content, or the reason. */
  told({ key }: ModuleRequest): string {
    const state = this.states.get(key);
    return state === undefined ? "under way" : state.status === "failed" ? state.reason : Buffer.from(state.bytes.subarray(15)).toString();
  }
}

async function serving(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe("a file", () => {
  test.each<[string, Buffer]>([
    ["as it is", smallModule("content")],
    ["packed", gzipSync(smallModule("content"))],
    ["in an archive", gzipSync(tarOf("./plugin.wasm", smallModule("content")))],
  ])("%s", async (_, content) => {
    const path = join(folder, "a.wasm");
    await writeFile(path, content);
    const sha256 = sha256Of(smallModule("content"));
    expect(await new Heard().ask(request(`file://${path}`, { sha256 }))).toEqual(["content"]);
  });

  test.each<[string, Buffer, string]>([
    ["that is no module", Buffer.from("#!/bin/sh"), "is no WebAssembly module"],
    ["that is cut off", smallModule("content").subarray(0, 12), "is no valid WebAssembly module"],
    ["that is packed badly", Buffer.from([0x1f, 0x8b, 8, 0, 0]), "cannot be unpacked: "],
    ["in an archive without plugin.wasm", tarOf("other.wasm", smallModule("content")), "is no WebAssembly module"],
  ])("%s", async (_, content, reason) => {
    const path = join(folder, "a.wasm");
    await writeFile(path, content);
    expect(await new Heard().ask(request(`file://${path}`))).toEqual([expect.stringContaining(`${path} ${reason}`)]);
  });

  test("of another digest", async () => {
    const path = join(folder, "a.wasm");
    await writeFile(path, smallModule("content"));
    const [reason] = await new Heard().ask(request(`file://${path}`, { sha256: "0".repeat(64) }));
    expect(reason).toContain(`the SHA-256 of the module is ${sha256Of(smallModule("content"))}, and sha256 says 0000`);
  });

  test("is read when it comes, and when it changes; a broken one leaves the one before", async () => {
    const path = join(folder, "a.wasm");
    const heard = new Heard();
    const asked = request(`file://${path}`);
    expect(await heard.ask(asked)).toEqual([expect.stringContaining("ENOENT")]);
    const write = async (content: Buffer) => {
      await writeFile(`${path}.new`, content);
      await rename(`${path}.new`, path);
    };
    await write(smallModule("first"));
    await expect.poll(() => heard.told(asked), { timeout: 10_000 }).toBe("first");
    await write(smallModule("other"));
    await expect.poll(() => heard.told(asked), { timeout: 10_000 }).toBe("other");
    await write(Buffer.from("broken"));
    await expect.poll(() => heard.warnings, { timeout: 10_000 }).toContain("a module cannot be had again; the one before stays");
    expect(heard.told(asked)).toBe("other");
    heard.store.want([]);
    expect(heard.states.size).toBe(0);
  });
});

describe("an image on disk", () => {
  const LAYER = "application/vnd.module.wasm.content.layer.v1+wasm";
  const CONFIG = "application/vnd.module.wasm.config.v1+json";
  const plain = {
    layers: [
      { mediaType: CONFIG, content: Buffer.from("{}") },
      { mediaType: LAYER, content: smallModule("plain") },
    ],
  };
  const packed = {
    layers: [
      { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", content: gzipSync(tarOf("README", Buffer.from("a"))) },
      { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", content: gzipSync(tarOf("plugin.wasm", smallModule("packed"))) },
    ],
  };

  test("of either form, found by tag, by digest, or because there is no other", async () => {
    const [first = "", second = ""] = await writeLayout(join(folder, "two"), [
      { tag: "v1", ...plain },
      { tag: "v2", ...packed },
    ]);
    await writeLayout(join(folder, "one"), [packed]);
    const two = `oci-layout://${folder}/two`;
    const answers = await new Heard().ask(
      request(`${two}:v1`),
      request(`${two}:v2`, { sha256: second }),
      request(`${two}@sha256:${first}`),
      request(two, { sha256: second }),
      request(`file://${folder}/one`),
    );
    expect(answers).toEqual(["plain", "packed", "plain", "packed", "packed"]);
  });

  test("that is not there, not the one meant, or not whole", async () => {
    const [digest = ""] = await writeLayout(join(folder, "two"), [{ tag: "v1", ...plain }, packed]);
    await writeLayout(join(folder, "empty"), [{ layers: [{ mediaType: LAYER, content: Buffer.from("nothing") }] }]);
    await writeLayout(join(folder, "changed"), [plain]);
    await writeFile(join(folder, "changed/blobs/sha256", sha256Of(smallModule("plain"))), smallModule("other"));
    const answers = await new Heard().ask(
      request(`oci-layout://${folder}/two`),
      request(`oci-layout://${folder}/two:v3`),
      request(`oci-layout://${folder}/two:v1`, { sha256: "0".repeat(64) }),
      request(`oci-layout://${folder}/empty`),
      request(`oci-layout://${folder}/changed`),
      request(`oci-layout://${folder}/none:v1`),
    );
    expect(answers).toEqual([
      expect.stringContaining("has 2 such images: write one of its tags behind the path, :v1, :one without a tag"),
      expect.stringContaining("has 0 such images"),
      expect.stringContaining(`the manifest of the image is sha256:${digest}, and sha256 says 0000`),
      expect.stringContaining(`(${LAYER}) is no WebAssembly module`),
      expect.stringContaining("is not what its name says"),
      expect.stringContaining("ENOENT"),
    ]);
  });
});

describe("what is fetched", () => {
  test("is tried again until it comes", async () => {
    let asked = 0;
    const url = `${await serving((_, response) => response.writeHead(++asked < 3 ? 503 : 200).end(smallModule("fetched")))}/a.wasm`;
    const heard = new Heard();
    const [reason = ""] = await heard.ask(request(url));
    expect(reason).toMatch(/^the module of http:\/\/127\.0\.0\.1:\d+\/a\.wasm: cannot be fetched: the server answers 503$/);
    await expect.poll(() => heard.told(request(url)), { timeout: 10_000 }).toBe("fetched");
    expect(asked).toBe(3);
  });

  test("is kept for a restart by its digest or its request, and used where the server is gone", async () => {
    let up = true;
    let asked = 0;
    const url = `${await serving((_, response) => (asked++, response.writeHead(up ? 200 : 500).end(smallModule("kept"))))}/a.wasm`;
    const requests = [
      request(url),
      request(url, { sha256: sha256Of(smallModule("kept")) }),
      request(url, { pull: "Always", key: "always" }),
    ];
    const kept = join(folder, "kept");
    expect(await new Heard({ folder: kept }).ask(...requests)).toEqual(["kept", "kept", "kept"]);
    up = false;
    asked = 0;
    expect(await new Heard({ folder: kept }).ask(...requests)).toEqual(["kept", "kept", "kept"]);
    expect(asked).toBe(1);
    await writeFile(join(kept, `${sha256Of(smallModule("kept"))}.wasm`), "changed");
    expect(await new Heard({ folder: kept }).ask(...requests.slice(0, 2))).toEqual([
      expect.stringContaining("500"),
      expect.stringContaining("500"),
    ]);
  });

  test("is bounded in size and time", async () => {
    const chunk = Buffer.alloc(1 << 20);
    const endless = await serving((_, response) => {
      response.writeHead(200);
      const send = (): void => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on("drain", send);
      send();
    });
    const silent = await serving(() => undefined);
    const answers = await new Heard({ timeout: 5_000, retry: 60_000 }).ask(request(endless));
    expect(answers).toEqual([expect.stringContaining("is larger than 64 MiB")]);
    expect(await new Heard({ timeout: 100, retry: 60_000 }).ask(request(silent))).toEqual([
      expect.stringContaining("cannot be fetched: The operation was aborted due to timeout"),
    ]);
  });

  test("is ended with the store, while it is under way", async () => {
    const url = await serving(() => undefined);
    const heard = new Heard();
    heard.store.want([request(url)]);
    await heard.store[Symbol.asyncDispose]();
    expect(heard.states.size).toBe(0);
  });
});

test("a refused object has no module", async () => {
  expect(await new Heard().ask(request("refused", { pull: "Never" }))).toEqual(["the object is refused"]);
});
