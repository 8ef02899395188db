import { join } from "node:path";
import { describeSource } from "../testing/contract.ts";
import { DirectorySource } from "./index.ts";
import { temporaryDirectory, writeFiles } from "./testing.ts";

describeSource("directory", async () => {
  const directory = await temporaryDirectory();
  return {
    source: new DirectorySource([directory]),
    write: (files) => writeFiles(directory, files),
    name: (file) => (file === "" ? `${directory}/` : join(directory, file)),
  };
});
