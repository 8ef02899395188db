import { MemorySource } from "./index.ts";
import { describeSource } from "../testing/contract.ts";

describeSource("memory", () => {
  const source = new MemorySource();
  const write = (files: Readonly<Record<string, string | undefined>>) => {
    source.apply(files);
  };
  return Promise.resolve({ source, write, name: (file) => file });
});
