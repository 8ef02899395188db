import { expect, test } from "vitest";
import { meshwright } from "./testing/run.ts";

test.each([[["--help"]], [["try", "--help"]], [["envoy", "run", "--help"]], [["new", "filter", "--help"]]])(
  "%j shows how to use it",
  async (parameters) => {
    const { code, output, errors } = await meshwright(parameters);
    expect({ code, errors }).toEqual({ code: 0, errors: "" });
    expect(output).toMatch(/^Usage: meshwright/);
    if (parameters.length > 1) expect(output).toContain("Examples:\n  $ meshwright");
  },
);

test("--version is that of the package", async () => {
  const { code, output } = await meshwright(["--version"]);
  expect(code).toBe(0);
  expect(output).toMatch(/^\d+\.\d+\.\d+\n$/);
});

test.each([
  [["fly"], "unknown command 'fly'"],
  [["try"], "required option '--filter <name>' not specified"],
  [["try", "--filter", "routing"], "missing required argument 'requests'"],
  [["try", "--filter", "routing", "--fast", "-"], "unknown option '--fast'"],
  [["try", "--filter", "routing", "--host", "moon", "-"], "Allowed choices are node, envoy"],
  [["new", "filter"], "missing required argument 'name'"],
])("%j is a mistake in usage", async (parameters, message) => {
  const { code, output, errors } = await meshwright(parameters);
  expect({ code, output }).toEqual({ code: 2, output: "" });
  expect(errors).toContain(message);
  expect(errors).toContain("--help");
});

test("messages have colours only on a terminal", async () => {
  const { errors } = await meshwright(["try", "--filter", "rooting", "-"]);
  expect(errors).not.toContain("\u001b");
});
