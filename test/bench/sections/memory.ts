import type { HeaderList } from "../../../harness/target/index.ts";
import type { Built } from "../../foreign/build.ts";
import { measureMemory } from "../measure/memory.ts";
import { measureVms } from "../measure/vms.ts";
import { authenticationConfiguration, requestWith } from "../variants/authentication.ts";
import { ATTEMPTS, ATTEMPTS_WITHOUT } from "../variants/ejection.ts";
import { built, HEADER_JOB, MODULES } from "../variants/header-job.ts";
import { mixed, mixedMesh } from "../variants/mixed.ts";
import { ROUTING } from "../variants/routing.ts";
import { Issuer } from "../variants/tokens.ts";
import { describeMissing, digits, type Section } from "./section.ts";

const IDS = ["no-filter", "raw-c", "ours", "ours-stateful", "routing-100"];

/** A module to start: its figures' name, its title, its file, its configuration, and what it is sent where it would refuse the header job's request. */
type Module = readonly [id: string, title: string, provide: () => Promise<Built>, configuration?: unknown, request?: HeaderList];

export const memory: Section = {
  id: "memory",
  title: "Memory of requests",
  text: "Growth of Envoy's resident memory over the second half of the requests (least-squares slope), and of what is in use of its heap, where a leak of Envoy's memory would be, but no pool that fills. Mixed requests have tokens and API keys, seen before, new and bad, and ask for what they may and may not have; attempts get every sort of answer that `ejection` judges, and are twice as many, because Envoy's pools of what attempts need fill for long.",
  async run(context) {
    const requests = [...[...HEADER_JOB, ...ROUTING].filter(({ id }) => IDS.includes(id)), await mixed(), await mixedMesh()];
    const attempts = [ATTEMPTS_WITHOUT, ATTEMPTS];
    const variants = [...requests, ...attempts];
    const missing = new Map<string, string>();
    const figures: Record<string, number> = {};
    const rows: string[][] = [];
    for (const variant of variants) {
      const count = attempts.includes(variant) ? 2 * context.requests : context.requests;
      const result = await measureMemory(variant, { ...context, requests: count });
      if ("missing" in result) missing.set(variant.id, result.missing);
      else {
        figures[variant.id] = result.bytesPerRequest;
        figures[`${variant.id}/allocated`] = result.allocatedPerRequest;
        rows.push([
          variant.title,
          digits(result.bytesPerRequest, 3),
          digits(result.allocatedPerRequest, 3),
          digits(result.before / 2 ** 20, 1),
          digits(result.after / 2 ** 20, 1),
        ]);
        context.progress(`memory of ${variant.id}: ${result.bytesPerRequest.toFixed(3)} B a request`);
      }
    }
    return {
      effort: `${context.requests.toLocaleString("en-US")} requests each, ${(2 * context.requests).toLocaleString("en-US")} attempts`,
      columns: ["", "bytes a request", "of them in use", "MiB after half", "MiB at the end"],
      rows,
      figures,
      missing: describeMissing(variants, missing),
    };
  },
};

export const vms: Section = {
  id: "vms",
  title: "Memory and start of a module",
  text: "Envoys with no, one and five VMs of different code: the resident memory that the first VM and each further one add, and the CPU time that each further one takes until Envoy listens (compiled and configured for the main thread and one worker).",
  async run(context) {
    const issuer = await Issuer.create("RS256");
    const modules: readonly Module[] = [
      ["raw-c", "C without an SDK", MODULES["raw-c"]],
      ["ours", "Meshwright's SDK, header job", MODULES.ours],
      ["routing", "filter `routing`", () => built("dist/filters/routing.wasm"), { rules: [] }],
      // The first of five must leave the token to the others.
      [
        "authentication",
        "filter `authentication`",
        () => built("dist/filters/authentication.wasm"),
        authenticationConfiguration(issuer.jwks, true),
        requestWith(issuer.token("RS256", 0)),
      ],
      ["authorization", "filter `authorization`", () => built("dist/filters/authorization.wasm"), { policies: [] }],
      ["mesh", "`mesh`, all filters", () => built("dist/filters/mesh.wasm"), { filters: [] }],
      ["rust", "Rust crate `proxy-wasm`", MODULES.rust],
      ["proxy-wasm-sdk-as", "`proxy-wasm-sdk-as`", MODULES["proxy-wasm-sdk-as"]],
    ];
    const figures: Record<string, number> = {};
    const rows: string[][] = [];
    const missing: string[] = [];
    for (const [id, title, provide, configuration, request] of modules) {
      const module = await provide();
      if ("missing" in module) {
        missing.push(`${title}: ${module.missing}`);
        continue;
      }
      const result = await measureVms(module.module, configuration, context, request);
      figures[`${id}/first`] = result.firstBytes;
      figures[`${id}/further`] = result.furtherBytes;
      figures[`${id}/cpu`] = result.cpuMilliseconds;
      figures[`${id}/size`] = result.size;
      const mebibytes = [result.firstBytes, result.furtherBytes].map((bytes) => digits(bytes / 2 ** 20, 1));
      rows.push([title, digits(result.size / 1024, 1), ...mebibytes, digits(result.cpuMilliseconds, 1)]);
      context.progress(
        `VMs of ${id}: first ${mebibytes[0]} MiB, further ${mebibytes[1]} MiB, ${result.cpuMilliseconds.toFixed(1)} ms of CPU`,
      );
    }
    return {
      effort: `${context.rounds} rounds`,
      columns: ["module", "KiB", "first VM, MiB", "further VM, MiB", "CPU, ms"],
      rows,
      figures,
      missing,
    };
  },
};
