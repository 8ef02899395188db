import { expect, test } from "vitest";
import { parseCoreList } from "./cores.ts";

test.each([
  { list: "0-3", cores: [0, 1, 2, 3] },
  { list: "0,2,4-5", cores: [0, 2, 4, 5] },
  { list: "7", cores: [7] },
  { list: "", cores: [] },
])("the list '$list' is $cores", ({ list, cores }) => {
  expect(parseCoreList(list)).toEqual(cores);
});
