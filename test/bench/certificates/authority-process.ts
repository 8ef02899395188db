import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { CreatedToken } from "../../../control/identity/tokens/index.ts";
import { MeasuredProcess } from "../control/measured-process.ts";

const MAIN = fileURLToPath(new URL("../../../cli/main.ts", import.meta.url));

interface Ready {
  readonly xds: string;
  readonly admin: string;
  readonly tokenFile: string;
}

/** `meshwright serve` with an authority and no objects. */
export class AuthorityProcess implements AsyncDisposable {
  readonly process: MeasuredProcess;
  readonly port: number;
  private readonly admin: string;
  private readonly token: string;

  private constructor(process: MeasuredProcess, { xds, admin }: Ready, token: string) {
    this.process = process;
    this.port = Number(xds.slice(xds.lastIndexOf(":") + 1));
    this.admin = admin;
    this.token = token;
  }

  /** @param folder empty */
  static async start(folder: string): Promise<AuthorityProcess> {
    const addresses = ["--xds", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    const parameters = [MAIN, "serve", "--config", folder, "--ca", join(folder, "ca"), ...addresses, "--log-format", "json"];
    const measured = new MeasuredProcess(process.execPath, parameters, ["ignore", "ignore", "pipe"]);
    const { stderr } = measured.child;
    const lines: string[] = [];
    for await (const line of stderr === null ? [] : createInterface({ input: stderr })) {
      lines.push(line);
      const ready = JSON.parse(line.startsWith("{") ? line : "{}") as Partial<Ready>;
      if (ready.xds === undefined || ready.tokenFile === undefined) continue;
      stderr?.resume();
      return new AuthorityProcess(measured, ready as Ready, (await readFile(ready.tokenFile, "utf8")).trim());
    }
    await measured[Symbol.asyncDispose]();
    throw new Error(`the control service ended before it was ready:\n${lines.slice(-20).join("\n")}`);
  }

  /** A join token for this many workloads. */
  async joinToken(uses: number): Promise<string> {
    const answer = await fetch(`${this.admin}/api/v1/tokens`, {
      method: "POST",
      headers: { authorization: `Bearer ${this.token}`, "content-type": "application/json" },
      body: JSON.stringify({ namespace: "default", serviceAccount: "reviews", uses }),
    });
    return ((await answer.json()) as CreatedToken).token;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.process[Symbol.asyncDispose]();
  }
}
