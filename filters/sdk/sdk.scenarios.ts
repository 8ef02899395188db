import { join } from "node:path";
import { describe, expect } from "vitest";
import { scenario } from "../../harness/vitest.ts";
import type { ChainSpec } from "../../harness/target/index.ts";
import { compileFilter } from "../testing/assembly.ts";

const entry = join(import.meta.dirname, "testing/index.ts");

/** The module of `testing/`, whose filter does what `x-do` says. */
async function actions(chain: Partial<ChainSpec> = {}): Promise<ChainSpec> {
  return { filters: [{ name: "actions", module: await compileFilter(entry), rootId: "actions" }], ...chain };
}

const does = (action: string, ...more: Array<[string, string]>) => ({ path: "/", headers: [["x-do", action] as const, ...more] });

describe("local responses", () => {
  scenario("carry status, body and details", { chain: actions }, async (run) => {
    const result = await run.send(does("deny"));
    expect(result).toRespond(403, "sdk_test");
    expect(result.response?.body).toBe("denied\n");
  });

  scenario("are sent once", { chain: actions }, async (run) => {
    expect(await run.send(does("deny twice"))).toRespond(403);
    expect(await run.send(does("deny and resume"))).toRespond(403);
  });

  scenario("have a status that HTTP knows", { chain: actions }, async (run) => {
    expect(await run.send(does("bad status"))).toRespond(500);
    const empty = await run.send(does("no content"));
    expect(empty).toRespond(204);
    expect(empty.response?.body).toBe("");
  });

  scenario("tell gRPC clients in trailers, 429 as RESOURCE_EXHAUSTED", { chain: actions }, async (run) => {
    const limited = await run.send({ ...does("limit"), protocol: "grpc", body: "ping" });
    expect(limited.response?.headers).toContainEqual(["grpc-status", "8"]);
    const denied = await run.send({ ...does("deny"), protocol: "grpc", body: "ping" });
    expect(denied.response?.headers).toContainEqual(["grpc-status", "7"]);
  });

  scenario("take the place of a response", { chain: actions }, async (run) => {
    const result = await run.send(does("deny response"));
    expect(result.status).toBe(502);
    expect(result.response?.body).toBe("denied\n");
  });
});

describe("pauses", () => {
  scenario("end after their time", { chain: actions }, async (run) => {
    const result = await run.send(does("delay"));
    expect(result).toForward();
    expect(result.delay).toBeGreaterThanOrEqual(0.05);
    expect(await run.send(does("delay response"))).toForward();
  });

  scenario("without one there is nothing to resume", { chain: actions }, async (run) => {
    expect(await run.send(does("resume response"))).toForward();
  });

  scenario("a closed stream is closed once", { chain: actions }, async (run) => {
    expect((await run.send(does("close"))).outcome).toBe("reset");
    expect(await run.send(does("nothing"))).toForward();
  });

  scenario("nothing that would crash Envoy happens at the end of a stream", { chain: actions }, async (run) => {
    expect(await run.send(does("misuse at log"))).toForward();
    expect(await run.send(does("nothing"))).toForward();
  });
});

describe("headers", () => {
  scenario("are added beside those there", { chain: actions }, async (run) => {
    expect(await run.send(does("add", ["x-result", "first"]))).toSendHeader("x-result", "first", "add");
  });

  scenario("are found whatever the case of their name", { chain: actions }, async (run) => {
    expect(await run.send(does("case", ["X-Value", "yes"]))).toSendHeader("x-result", "yes");
  });

  scenario("stand several times", { chain: actions }, async (run) => {
    expect(await run.send(does("values", ["x-value", "a"], ["x-other", "-"], ["x-value", "b"], ["x-value", ""]))).toSendHeader(
      "x-result",
      "a|b||",
    );
  });

  scenario("cannot carry a line break", { chain: actions }, async (run) => {
    const result = await run.send(does("inject"));
    expect(result).toSendHeader("x-result", "missing");
    expect(result).toSendHeader("x-evil");
  });

  for (const changes of [
    "=x-a:1 =x-a:2 =x-b:3 -x-a =x-a:4 -x-b -x-none",
    "-x-none =x-value:one =x-other: =x-value:two -x-value -x-value =x-value:three",
    "=:path:/other =:authority:b.org =x-a:1 =:path:/third =:path:/fourth -x-a",
    "=x-a:1 =host:c.org =x-b:2 -host =x-c:3 =:authority:d.org",
    "=X-Capitals:1 =x-b:2 =x-capitals:3 -X-CAPITALS =x-c:4 -x-c",
    "+x-value:c =x-a:1 +x-a:2 -x-value +x-a:3 =x-a:4 +user-agent:x =user-agent:y",
  ]) {
    scenario(`are seen as the host has them after each of ${changes}`, { chain: actions }, async (run) => {
      const result = await run.send(does(`change ${changes}`, ["x-value", "a"], ["x-other", "-"], ["x-value", "b"]));
      expect(result).toSendHeader("x-result", "same");
    });
  }

  scenario("of the request are gone when the response comes", { chain: actions }, async (run) => {
    expect(await run.send(does("late request header"))).toReturnHeader("x-result", "missing");
  });
});

describe("bodies", () => {
  scenario("are replaced whole", { chain: actions }, async (run) => {
    const result = await run.send({ ...does("body"), method: "POST", body: "hello" });
    expect(result.request?.body).toBe("HELLO");
  });

  scenario("are gathered from their pieces", { chain: actions }, async (run) => {
    const result = await run.send({ ...does("body"), method: "POST", chunks: ["he", "ll", "o"] });
    expect(result.request?.body).toBe("HELLO");
  });

  scenario("of a response are appended to", { chain: actions }, async (run) => {
    const result = await run.send({ ...does("response body"), response: { body: "hello" } });
    expect(result.response?.body).toBe("hello!");
  });
});

describe("callouts", () => {
  const backend: NonNullable<ChainSpec["callouts"]> = {
    backend: ({ body }) => ({ status: 202, headers: [["x-size", String(body.length)]], body: "fine" }),
  };

  scenario("bring an answer to the stream that asked", { chain: () => actions({ callouts: backend }) }, async (run) => {
    const result = await run.send(does("callout"));
    expect(result).toSendHeader("x-result", "202");
    expect(result).toSendHeader("x-body", "fine");
  });

  scenario("to an unknown cluster are refused at once", { chain: actions }, async (run) => {
    expect(await run.send(does("callout to nowhere"))).toRespond(503);
  });

  scenario(
    "that time out look like a 504",
    { chain: () => actions({ callouts: { backend: () => ({ status: 200, delay: 2_000 }) } }) },
    async (run) => {
      expect(await run.send(does("callout"))).toSendHeader("x-result", "504");
    },
  );
});

describe("the VM", () => {
  scenario(
    "several filters of one module share it, each with its own configuration",
    {
      chain: async () => {
        const module = await compileFilter(entry);
        return {
          filters: [
            { name: "one", module, vmId: "shared", rootId: "echo", configuration: "first" },
            { name: "two", module, vmId: "shared", rootId: "echo", configuration: "second" },
            { name: "three", module, vmId: "shared", rootId: "actions" },
          ],
        };
      },
    },
    async (run) => {
      const result = await run.send(does("add"));
      expect(result).toReturnHeader("x-configuration", "second", "first");
      expect(result).toSendHeader("x-result", "add");
    },
  );

  scenario("properties are read and missing ones are not empty", { chain: actions }, async (run) => {
    expect(await run.send({ ...does("property", ["x-value", "request.method"]), method: "PUT" })).toSendHeader("x-result", "PUT");
    expect(await run.send(does("property", ["x-value", "metadata.nothing"]))).toSendHeader("x-result", "missing");
  });

  scenario("shared data counts", { chain: actions }, async (run) => {
    for (const count of ["1", "2", "3"]) expect(await run.send(does("shared data"))).toSendHeader("x-result", count);
  });

  scenario("an unknown foreign function is missing", { chain: actions }, async (run) => {
    expect(await run.send(does("foreign"))).toSendHeader("x-result", "missing");
  });

  scenario("metrics count", { chain: actions }, async (run) => {
    await run.send(does("nothing"));
    await run.send(does("nothing"));
    expect(await run.metrics()).toMatchObject({ "actions.requests": 2 });
  });

  scenario("logs and decisions arrive", { chain: actions }, async (run) => {
    await run.send(does("log"));
    expect(await run.logs()).toContainEqual({ level: "info", message: "asked to log" });
    const { decisions } = await run.send(does("decision"));
    expect(decisions).toEqual([{ filter: "actions", rule: 'a "quoted" rule', result: "allow", reason: "line\nbreak" }]);
  });

  scenario("a trap answers 503", { chain: actions }, async (run) => {
    expect(await run.send(does("trap"))).toRespond(503, "wasm_fail_stream");
    expect((await run.send(does("nothing"))).status).toBe(503);
  });
});

describe("protocols", () => {
  for (const protocol of ["http/1.1", "h2", "grpc", "websocket"] as const) {
    scenario(`${protocol} passes through a filter`, { chain: actions, container: true }, async (run) => {
      const result = await run.send({ ...does("add"), protocol, body: "ping", response: { body: "pong" } });
      expect(result).toForward();
      expect(result).toSendHeader("x-result", "add");
      expect(result.response?.body).toBe("pong");
    });
  }
});
