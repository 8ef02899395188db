import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { ObjectStore } from "../../model/objects/index.ts";
import { boxText, kinds } from "../../model/objects/testing.ts";
import { DirectorySource } from "./index.ts";
import { temporaryDirectory } from "./testing.ts";

// How people, editors and tools change files, and what becomes of the objects meanwhile.

/** A directory that is watched, and the hosts of the boxes in it, as they were at every moment. */
async function watched(files: Readonly<Record<string, string>>, prepare: (directory: string) => void = () => undefined) {
  const root = join(await temporaryDirectory(), "mesh");
  mkdirSync(root);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  prepare(root);
  const store = new ObjectStore(kinds);
  const history: string[] = [];
  const source = new DirectorySource([root], { sweep: 1_000_000 });
  const now = () =>
    Array.from(store.objects.values(), ({ metadata, spec }) => `${metadata.name}=${(spec as { hosts: string[] }).hosts.join("+")}`)
      .sort()
      .join(" ");
  await source.start((change) => {
    store.apply(change);
    history.push(now());
  });
  return {
    root,
    source,
    store,
    history,
    /** Without `refresh`: what is seen by events alone. */
    sees: (expected: string) => expect.poll(now, { timeout: 5000, interval: 2 }).toBe(expected),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

const box = (name: string, host: string) => boxText(name, `{hosts: ["${host}"]}`);
const OLD = `${box("a", "1")}---\n${box("b", "1")}`;
const NEW = `${box("a", "2")}---\n${box("b", "2")}`;
/** `NEW` in pieces that each look whole by themselves. */
const PIECES = [box("a", "2"), "---\n", box("b", "2")];

describe("nothing is lost or half while a file", () => {
  test.each<[string, (file: string) => void | Promise<void>]>([
    ["is renamed over, as by careful programs", (file) => (writeFileSync(`${file}~`, NEW), renameSync(`${file}~`, file))],
    ["is emptied and written, as by a shell", (file) => writeFileSync(file, NEW)],
    [
      "is emptied and written slowly",
      async (file) => {
        writeFileSync(file, "");
        for (const piece of PIECES) {
          await sleep(5);
          appendFileSync(file, piece);
        }
      },
    ],
    [
      "is cut off in the middle for a while",
      async (file) => {
        writeFileSync(file, NEW.slice(0, NEW.length - 10));
        await sleep(100);
        writeFileSync(file, NEW);
      },
    ],
    [
      "is moved to a backup and written anew, as by vim",
      async (file) => {
        renameSync(file, `${file}~`);
        await sleep(5);
        writeFileSync(file, NEW);
        unlinkSync(`${file}~`);
      },
    ],
    [
      "is deleted and made again, as by git",
      async (file) => {
        unlinkSync(file);
        await sleep(5);
        writeFileSync(file, NEW);
      },
    ],
    [
      "has a swap file beside it",
      (file) => {
        writeFileSync(join(dirname(file), `.${basename(file)}.swp`), "b0VIM");
        writeFileSync(join(dirname(file), "4913"), "");
        writeFileSync(join(dirname(file), `#${basename(file)}#`), box("c", "3"));
        writeFileSync(file, NEW);
      },
    ],
  ])("%s", async (_, edit) => {
    await using mesh = await watched({ "a.yaml": OLD });
    await edit(join(mesh.root, "a.yaml"));
    await mesh.sees("a=2 b=2");
    expect(new Set(mesh.history)).toEqual(new Set(["a=1 b=1", "a=2 b=2"]));
  });
});

test("Kubernetes' ConfigMaps: all files change by one rename", async () => {
  const write = (root: string, version: string) => {
    mkdirSync(join(root, `..${version}`));
    writeFileSync(join(root, `..${version}/a.yaml`), box("a", version));
    writeFileSync(join(root, `..${version}/b.yaml`), box("b", version));
    symlinkSync(`..${version}`, join(root, "..data_tmp"));
    renameSync(join(root, "..data_tmp"), join(root, "..data"));
  };
  await using mesh = await watched({}, (root) => {
    write(root, "v1");
    for (const file of ["a.yaml", "b.yaml"]) symlinkSync(`..data/${file}`, join(root, file));
  });
  for (const version of ["v2", "v3"]) {
    write(mesh.root, version);
    await mesh.sees(`a=${version} b=${version}`);
  }
  rmSync(join(mesh.root, "..v1"), { recursive: true });
  writeFileSync(join(mesh.root, "..v3/a.yaml"), box("a", "v4"));
  await mesh.sees("a=v4 b=v3");
  expect(mesh.history).toEqual(["a=v1 b=v1", "a=v2 b=v2", "a=v3 b=v3", "a=v4 b=v3"]);
});

test("directories: made, moved, deleted", async () => {
  await using mesh = await watched({ "x/a.yaml": box("a", "1") });
  mkdirSync(join(mesh.root, "y/z"), { recursive: true });
  writeFileSync(join(mesh.root, "y/z/b.yaml"), box("b", "1"));
  await mesh.sees("a=1 b=1");
  renameSync(join(mesh.root, "y"), join(mesh.root, "w"));
  await mesh.source.refresh();
  writeFileSync(join(mesh.root, "w/z/b.yaml"), box("b", "2"));
  await mesh.sees("a=1 b=2");
  rmSync(join(mesh.root, "x"), { recursive: true });
  await mesh.sees("b=2");
  expect(mesh.store.problems()).toEqual([]);
});

test("a root that is gone, and is made again or replaced", async () => {
  await using mesh = await watched({ "a.yaml": box("a", "1"), "b.yaml": box("b", "1") });
  rmSync(mesh.root, { recursive: true });
  await expect
    .poll(() => mesh.store.problems().map(({ message }) => message))
    .toEqual(["cannot be read: there is no such file or directory"]);
  mkdirSync(mesh.root);
  writeFileSync(join(mesh.root, "a.yaml"), box("a", "2"));
  await mesh.sees("a=2");
  expect(mesh.store.problems()).toEqual([]);
  mkdirSync(`${mesh.root}.new`);
  writeFileSync(join(`${mesh.root}.new`, "a.yaml"), box("a", "3"));
  renameSync(mesh.root, `${mesh.root}.old`);
  renameSync(`${mesh.root}.new`, mesh.root);
  await mesh.sees("a=3");
  writeFileSync(join(mesh.root, "a.yaml"), box("a", "4"));
  await mesh.sees("a=4");
});

test("a root that is a link to a release, and a file by a link from elsewhere", async () => {
  const parent = await temporaryDirectory();
  for (const release of ["1", "2"]) {
    mkdirSync(join(parent, release));
    writeFileSync(join(parent, release, "a.yaml"), box("a", release));
  }
  symlinkSync("1", join(parent, "current"));
  mkdirSync(join(parent, "shared"));
  writeFileSync(join(parent, "shared/s.yaml"), box("s", "1"));
  symlinkSync("../shared/s.yaml", join(parent, "2/s.yaml"));
  const store = new ObjectStore(kinds);
  await using source = new DirectorySource([join(parent, "current/")], { sweep: 1_000_000 });
  await source.start((change) => void store.apply(change));
  const hosts = () => Array.from(store.objects.values(), ({ spec }) => (spec as { hosts: string[] }).hosts.join());
  expect(hosts()).toEqual(["1"]);
  symlinkSync("2", join(parent, "next"));
  renameSync(join(parent, "next"), join(parent, "current"));
  await expect.poll(hosts).toEqual(["2", "1"]);
  writeFileSync(join(parent, "shared/s.yaml"), box("s", "2"));
  await expect.poll(hosts).toEqual(["2", "2"]);
});

test("links that lead nowhere or round in a circle are told, and stop nothing", async () => {
  await using mesh = await watched({ "a.yaml": box("a", "1") }, (root) => {
    symlinkSync("none.yaml", join(root, "b.yaml"));
    symlinkSync("c.yaml", join(root, "c.yaml"));
    symlinkSync(".", join(root, "loop"));
  });
  await mesh.sees("a=1");
  expect(mesh.store.problems().map(({ file, message }) => `${basename(file)}: ${message}`)).toEqual([
    "b.yaml: cannot be read: the link leads nowhere",
    "c.yaml: cannot be read: the link leads round in a circle",
  ]);
});

test("several roots, one in another, and a file by itself", async () => {
  const parent = await temporaryDirectory();
  mkdirSync(join(parent, "mesh/sub"), { recursive: true });
  writeFileSync(join(parent, "mesh/sub/a.yaml"), box("a", "1"));
  writeFileSync(join(parent, "b.txt"), box("b", "1"));
  const store = new ObjectStore(kinds);
  await using source = new DirectorySource([join(parent, "mesh/sub"), join(parent, "mesh"), join(parent, "b.txt")], { sweep: 1_000_000 });
  await source.start((change) => void store.apply(change));
  expect([...store.objects.keys()].sort()).toEqual(["Box/default/a", "Box/default/b"]);
  expect(store.problems()).toEqual([]);
  writeFileSync(join(parent, "b.txt"), box("b", "2"));
  await expect.poll(() => store.objects.get("Box/default/b")?.spec).toMatchObject({ hosts: ["2"] });
});

test("a pipe where a file should be blocks nobody", async () => {
  await using mesh = await watched({ "a.yaml": box("a", "1") });
  const { execFileSync } = await import("node:child_process");
  execFileSync("mkfifo", [join(mesh.root, "p.yaml")]);
  await mesh.source.refresh();
  expect(mesh.store.problems().map(({ message }) => message)).toEqual(["cannot be read: is no regular file"]);
});

test("no change is lost, however many come and whatever they are", async () => {
  await using mesh = await watched({});
  let seed = 7;
  const random = (below: number) => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % below;
  const content = new Map<string, string>();
  for (let step = 0; step < 1500; step++) {
    const name = `box-${random(20)}`;
    const file = join(mesh.root, random(3) === 0 ? "sub" : ".", `${name}.yaml`);
    const action = random(10);
    if (action === 0 && existsSync(join(mesh.root, "sub"))) rmSync(join(mesh.root, "sub"), { recursive: true });
    else if (action === 1) rmSync(file, { force: true });
    else {
      mkdirSync(dirname(file), { recursive: true });
      const text = box(`${name}-${basename(dirname(file))}`, `v${step}`);
      if (action < 6) writeFileSync(file, text);
      else {
        writeFileSync(`${file}.new`, text);
        renameSync(`${file}.new`, file);
      }
    }
    if (random(5) === 0) await sleep(random(4));
  }
  for (const directory of [".", "sub"]) {
    for (let number = 0; number < 20; number++) {
      const file = join(mesh.root, directory, `box-${number}.yaml`);
      if (existsSync(file)) content.set(file, /hosts: \["(.*)"\]/.exec(readFileSync(file, "utf8"))?.[1] ?? "");
    }
  }
  const expected = Array.from(content, ([file, host]) => `${basename(file, ".yaml")}-${basename(dirname(file))}=${host}`)
    .sort()
    .join(" ");
  await mesh.sees(expected);
});

test("a directory that is removed and made again at once is watched on, also where it gets the old one's inode", async () => {
  await using mesh = await watched({ "sub/a.yaml": box("a", "0") });
  const directory = join(mesh.root, "sub");
  for (let round = 1; round <= 40; round++) {
    rmSync(directory, { recursive: true });
    mkdirSync(directory);
    await sleep(round % 3);
    writeFileSync(join(directory, "a.yaml"), box("a", `${round}`));
    await mesh.sees(`a=${round}`);
  }
});

test("where the machine lets nothing be watched, there is a warning, and changes are seen all the same", async () => {
  const parent = await temporaryDirectory();
  writeFileSync(join(parent, "a.yaml"), box("a", "1"));
  const store = new ObjectStore(kinds);
  const watch = () => {
    throw new Error("ENOSPC: System limit for number of file watchers reached");
  };
  await using source = new DirectorySource([parent], { sweep: 20, watch });
  await source.start((change) => void store.apply(change));
  expect(store.problems().map(({ level, message }) => `${level}: ${message}`)).toEqual([
    expect.stringMatching(/^warning: changes are seen within seconds only, .*ENOSPC/),
  ]);
  writeFileSync(join(parent, "a.yaml"), box("a", "2"));
  await expect.poll(() => store.objects.get("Box/default/a")?.spec, { timeout: 10_000 }).toMatchObject({ hosts: ["2"] });
  expect(store.problems()).toHaveLength(1);
});
