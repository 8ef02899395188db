import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { meshwright } from "../testing/run.ts";
import { Serving } from "../testing/serving.ts";

const entry = (name: string, host = `${name}.test`) =>
  `apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: { name: ${name} }\nspec:\n  hosts: [${host}]\n  ports: [{ number: 80, name: http, protocol: HTTP }]\n  resolution: DNS\n`;

let folder: string;
let serving: Serving;
let config: string;
let state: string;
const parameters = () => ["--config", config, "--state", state];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-objects-"));
  [config, state] = [join(folder, "mesh.yaml"), join(folder, "state")];
  await writeFile(config, entry("filed"));
  serving = await Serving.start(...parameters());
});
afterAll(async () => {
  await serving?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** As a whole: a file that is empty for a moment has no objects, and on a busy machine the moment is long. */
async function replace(file: string, content: string): Promise<void> {
  await writeFile(`${file}.new`, content);
  await rename(`${file}.new`, file);
}

const ask = (command: string, ...rest: readonly string[]) =>
  meshwright([command, ...rest, "--admin", serving.admin, "--token-file", serving.tokenFile]);

describe("apply, get and delete", () => {
  test("change the objects of a running service", async () => {
    const applied = await meshwright(["apply", "-f", "-", "--admin", serving.admin, "--token-file", serving.tokenFile], {
      input: `# two of them\n${entry("a")}---\n${entry("b")}`,
    });
    expect(applied).toEqual({ code: 0, output: "ServiceEntry default/a created\nServiceEntry default/b created\n", errors: "" });
    const list = await ask("get", "se");
    expect(list.output.split("\n").map((line) => line.split(/ +/).toSpliced(3, 1).join(" "))).toEqual([
      "KIND NAMESPACE NAME FROM",
      "ServiceEntry default a API",
      "ServiceEntry default b API",
      `ServiceEntry default filed ${config}:1`,
      "",
    ]);
    expect((await ask("delete", "ServiceEntry", "b")).output).toBe("ServiceEntry default/b deleted\n");
    expect(await ask("get", "ServiceEntry", "b")).toMatchObject({
      code: 1,
      errors: expect.stringContaining("there is no ServiceEntry default/b"),
    });
    expect(await ask("delete", "ServiceEntry", "filed")).toMatchObject({
      code: 1,
      errors: expect.stringContaining(`stands in ${config}:1`),
    });
  });

  test("delete what a file names, all of it or nothing", async () => {
    const [file, more] = [join(folder, "f.yaml"), join(folder, "more-of-f.yaml")];
    await writeFile(file, `${entry("f1")}---\n${entry("f2")}`);
    await writeFile(more, entry("f3"));
    await ask("apply", "-f", file);
    expect(await ask("delete", "-f", file, more)).toMatchObject({
      code: 1,
      errors: expect.stringContaining("there is no ServiceEntry default/f3"),
    });
    expect((await ask("delete", "-f", file, "--dry-run")).output).toContain("ServiceEntry default/f2 deleted (dry run)\n");
    expect((await ask("get", "se", "f1")).code).toBe(0);
    expect(await ask("delete", "-f", file)).toEqual({
      code: 0,
      output: "ServiceEntry default/f1 deleted\nServiceEntry default/f2 deleted\n",
      errors: "",
    });
    expect((await ask("get", "se", "f1")).code).toBe(1);
    expect(await ask("delete", "-f", config)).toMatchObject({ code: 1, errors: expect.stringContaining(`stands in ${config}:1`) });
    expect([(await ask("delete", "se")).code, (await ask("delete", "se", "x", "-f", file)).code]).toEqual([2, 2]);
  });

  test("show documents that can be applied again, unless somebody else was faster", async () => {
    await writeFile(join(folder, "a.yaml"), entry("a"));
    await ask("apply", "-f", join(folder, "a.yaml"));
    const { output } = await ask("get", "se", "a", "--output", "yaml");
    const document = parse(output) as { spec: { hosts: string[] } };
    document.spec.hosts = ["new.test"];
    await writeFile(join(folder, "a.json"), JSON.stringify(document));
    expect((await ask("apply", "-f", join(folder, "a.json"))).output).toBe("ServiceEntry default/a updated\n");
    expect(await ask("apply", "-f", join(folder, "a.json"))).toMatchObject({ code: 1, errors: expect.stringContaining("get it again") });
    const listed = await ask("get", "-o", "json");
    expect(JSON.parse(listed.output)).toMatchObject({ kind: "List", items: [{ kind: "ServiceEntry" }, { metadata: { name: "filed" } }] });
  });

  test("apply nothing where something is wrong, and say where it stands", async () => {
    const file = join(folder, "bad.yaml");
    await writeFile(file, `# one good, one bad\n${entry("c")}---\n# a line\n${entry("d").replace("hosts:", "hostz:")}`);
    const refused = await ask("apply", "-f", file);
    expect(refused.code).toBe(1);
    expect(refused.errors).toContain(`${file}:15:3: error MW0003 spec.hostz: unknown field "hostz"; did you mean hosts?`);
    expect(refused.errors).toContain("error: nothing is applied");
    const json = await ask("apply", "-f", file, "--output", "json");
    expect([json.code, JSON.parse(json.output)]).toEqual([1, expect.objectContaining({ error: expect.any(String) as string })]);
    expect((await ask("get", "se", "c")).code).toBe(1);
    const dry = await ask("apply", "--dry-run", "-f", join(folder, "a.yaml"));
    expect(dry.output).toBe("ServiceEntry default/a updated (dry run)\n");
  });

  test("want somebody who may", async () => {
    await writeFile(join(folder, "a.yaml"), entry("a"));
    const refused = await meshwright(["apply", "-f", join(folder, "a.yaml"), "--admin", serving.admin]);
    expect(refused).toMatchObject({ code: 1, errors: expect.stringContaining("--token-file") });
  });

  test("outlive a service that is killed: what was answered is there, whole", async () => {
    const texts = Array.from({ length: 40 }, (_, index) => `${entry(`k${index}`)}---\n${entry(`k${index}-too`)}`);
    const answered: number[] = [];
    const token = { authorization: `Bearer ${(await readFile(serving.tokenFile, "utf8")).trim()}` };
    const sending = (async () => {
      for (const [index, body] of texts.entries()) {
        const response = await fetch(`${serving.admin}/api/v1/objects`, { method: "POST", headers: token, body }).catch(() => undefined);
        if (response?.status === 200) answered.push(index);
      }
    })();
    while (answered.length < 5) await new Promise((resolve) => setTimeout(resolve, 1));
    await serving.kill("SIGKILL");
    await sending;
    serving = await Serving.start(...parameters());
    const objects = new Set(await serving.objects());
    for (const index of answered) expect([objects.has(`k${index}`), objects.has(`k${index}-too`)]).toEqual([true, true]);
    for (const index of texts.keys()) expect(objects.has(`k${index}`)).toBe(objects.has(`k${index}-too`));
    expect(objects.has("a")).toBe(true);
  });
});

describe("strict admission", () => {
  test("keeps what was there when files change to something wrong, says so, and starts again with it", async () => {
    const own = { config: join(folder, "strict.yaml"), state: join(folder, "strict") };
    const options = ["--config", own.config, "--state", own.state, "--admission", "strict"];
    await writeFile(own.config, entry("x"));
    await using strict = await Serving.start(...options);
    await replace(own.config, `${entry("v")}---\n${entry("w").replace("hosts:", "hostz:")}`);
    await strict.line("a change is not applied");
    expect(await strict.objects()).toEqual(["x"]);
    const status = await meshwright(["status", "--admin", strict.admin]);
    expect(status).toMatchObject({ code: 1, output: expect.stringContaining(`${own.config}:13:3: unknown field "hostz"`) });
    const more = join(folder, "more.yaml");
    await writeFile(more, entry("a"));
    const applied = await meshwright(["apply", "-f", more, "--admin", strict.admin, "--token-file", strict.tokenFile]);
    expect(applied.code).toBe(0);
    await expect.poll(() => strict.objects()).toEqual(["a", "x"]);
    await expect.poll(() => readFile(join(own.state, "objects.json"), "utf8"), { timeout: 10_000 }).toContain("x.test");
    await strict.kill("SIGKILL");
    await using again = await Serving.start(...options);
    expect(await again.objects()).toEqual(["a", "x"]);
    await replace(own.config, `${entry("v")}---\n${entry("w")}`);
    await expect.poll(() => again.objects(), { timeout: 10_000 }).toEqual(["a", "v", "w"]);
  });

  test("does not start with what is wrong where nothing was kept", async () => {
    const file = join(folder, "wrong.yaml");
    await writeFile(file, entry("x").replace("hosts:", "hostz:"));
    const ended = await meshwright(["serve", "--config", file, "--admission", "strict", "--xds", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    expect(ended).toMatchObject({ code: 1, errors: expect.stringContaining(`${file}:5:3: error MW0003`) });
  });
});
