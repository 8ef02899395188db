import { writeSync } from "node:fs";
import { ObjectStore } from "../../model/objects/index.ts";
import { boxText, change, kinds } from "../../model/objects/testing.ts";
import { writeStateFile } from "../state-file.ts";
import { manifestOf } from "../../model/objects/index.ts";
import { join } from "node:path";

// Writes the state of 200 objects over and over, each time of another version, and says which is written.

const [, , directory = ""] = process.argv;
for (let version = 0; ; version++) {
  const store = new ObjectStore(kinds);
  store.apply(
    change({ "a.yaml": Array.from({ length: 200 }, (_, index) => boxText(`box-${index}`, `{hosts: [v${version}]}`)).join("---\n") }),
  );
  const documents = [...store.objects.values()].map((object) => {
    const { file = "", line = 1, text = "" } = manifestOf(object).source ?? {};
    return { file, line, text };
  });
  await writeStateFile(join(directory, "objects.json"), documents);
  writeSync(1, `${version}\n`);
}
