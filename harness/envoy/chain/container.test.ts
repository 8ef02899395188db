import { expect, test } from "vitest";
import { requireTarget } from "../../scenario/require-target.ts";
import { containerTarget } from "../index.ts";

test("in a container a client that gives up is refused, and others are served", async (context) => {
  await requireTarget(containerTarget, context);
  await using chain = await containerTarget.start({ filters: [] });
  for (const reset of ["in-request", "after-request", "in-response"] as const) {
    const sent = chain.send({ path: "/", protocol: "h2", reset });
    await expect(sent).rejects.toThrow(
      "request /: reset: what Envoy saw of a client that gave up is not certain behind a container's port",
    );
  }
  expect(await chain.send({ path: "/", protocol: "h2" })).toMatchObject({ outcome: "forward", status: 200 });
});
