import { expect, test } from "vitest";
import { certainFilters } from "./certain-filters.ts";

test("what counts requests is left out, and a rule with faults decides without striking by chance", () => {
  const rules = [
    { name: "slow", match: { uri: { prefix: "/a" } }, delay: { percentage: { value: 10 }, fixedDelay: "5s" } },
    { name: "broken", abort: { percentage: { value: 100 }, httpStatus: 500 } },
    { name: "rarely", abort: { percentage: { value: 1 }, httpStatus: 503 } },
    { name: "spared" },
  ];
  const filters = [
    { name: "ratelimit", configuration: { limits: [] } },
    { name: "fault", configuration: { maxActiveFaults: 3, responseHeader: "x-fault", rules } },
    { name: "routing", configuration: { rules: [] } },
  ];
  const made = certainFilters(JSON.stringify({ filters }));
  const named = { percentage: { value: 100 }, fixedDelay: "1ms" };
  expect(JSON.parse(made?.configuration ?? "")).toEqual({
    filters: [
      {
        name: "fault",
        configuration: {
          responseHeader: "x-fault",
          rules: [
            { name: "slow", match: { uri: { prefix: "/a" } }, delay: named },
            { name: "broken", delay: named, abort: { percentage: { value: 100 }, httpStatus: 500 } },
            { name: "rarely", delay: named },
            { name: "spared" },
          ],
        },
      },
      { name: "routing", configuration: { rules: [] } },
    ],
  });
  expect(made?.faults.get("slow")).toEqual({ delay: '{"percentage":{"value":10},"fixedDelay":"5s"}', abort: "" });
});

test.each(["", "{}", '{"filters": 1}', "[]", "null"])("%j is not ours", (text) => {
  expect(certainFilters(text)).toBeUndefined();
});
