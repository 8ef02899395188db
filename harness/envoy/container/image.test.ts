import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { expect, test } from "vitest";

// testcontainers goes on to the engine's usual socket where DOCKER_HOST does not answer: a machine that has one must not decide these tests.
const PRINT_REASON = `
  const fs = (await import("node:module")).createRequire(import.meta.url)("node:fs");
  const { existsSync } = fs;
  fs.existsSync = (path) => !String(path).endsWith("docker.sock") && existsSync(path);
  const { containerProvider } = await import(${JSON.stringify(new URL("provider.ts", import.meta.url).href)});
  process.stdout.write(String(await containerProvider.available()), () => process.exit());`;

/** Why containers cannot be had, in a process of its own: an engine is looked for once in the life of one. */
async function unavailable(environment: NodeJS.ProcessEnv): Promise<string> {
  const command = ["--input-type=module", "--eval", PRINT_REASON];
  const { stdout } = await promisify(execFile)(process.execPath, command, { env: { ...process.env, ...environment } });
  return stdout;
}

/** As much of an engine as is asked before a container starts: it has no image, and finds none. */
async function emptyEngine(): Promise<AsyncDisposable & { readonly address: string }> {
  const server = createServer(({ url = "" }, response) => {
    const [status, answer] = url.includes("/images/")
      ? [404, { message: "no such image here" }]
      : [200, { ServerVersion: "1", OperatingSystem: "none", Architecture: "x86_64", NCPU: 1, MemTotal: 1, Labels: [] }];
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answer));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    address: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("without an engine the reason says what to do", async () => {
  // A port on which nobody can listen.
  expect(await unavailable({ DOCKER_HOST: "tcp://127.0.0.1:0" })).toMatch(
    /^no container engine answers .*start Docker, or set DOCKER_HOST$/,
  );
});

test("an image that was asked for and is not there is named", async () => {
  await using engine = await emptyEngine();
  const reason = await unavailable({ DOCKER_HOST: engine.address, MESHWRIGHT_ENVOY_IMAGE: "meshwright/none:0" });
  expect(reason).toMatch(
    /^the image meshwright\/none:0 of MESHWRIGHT_ENVOY_IMAGE is not on this machine and cannot be pulled \(.*no such image here.*\): /,
  );
});
