import { expect, onTestFinished, test } from "vitest";
import { ControlService } from "../control-service.ts";
import { AdminListener } from "./index.ts";

test("reports are taken of proxies, who need no role", async () => {
  const service = await ControlService.start({ sources: [], meshHealth: {} });
  const listener = await AdminListener.start(service, { port: 0, tokens: ["a-token-of-many-letters"] });
  onTestFinished(async () => {
    await listener[Symbol.asyncDispose]();
    await service[Symbol.asyncDispose]();
  });
  const post = async (body: string) => {
    const url = `http://127.0.0.1:${listener.port}${service.mesh.index.health.reports?.path ?? ""}`;
    return (await fetch(url, { method: "POST", body })).status;
  };
  expect(await post(JSON.stringify({ node: "nobody", time: 1, clusters: [], hosts: [], leftOut: 0 }))).toBe(403);
  expect(await post("{")).toBe(400);
  expect(await post("x".repeat(1024 * 1024 + 1))).toBe(413);
  expect(await service.metrics.scrape()).toMatch(/^meshwright_health_reports_total\{result="malformed"[^}]*\} 1/m);
});
