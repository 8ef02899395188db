import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestProjectConfiguration, TestProjectInlineConfiguration } from "vitest/config";
import type { TestUserConfig, Vitest, VitestPluginContext } from "vitest/node";
import { SERVICE } from "./compile.ts";
import { dependentTests } from "./dependents.ts";
import { CompilerService } from "./service.ts";
import { assemblySources, type KnownImports } from "./sources.ts";
import { SpareProcesses } from "./spare-processes.ts";

/** This harness, which every test file imports. */
const HARNESS = fileURLToPath(new URL("..", import.meta.url));
const HARNESS_FILES = new RegExp(`^${HARNESS.replaceAll(/[^\w/]/g, "\\$&")}(?!.*\\.(?:test|scenarios)\\.ts$)`);
const isOfHarness = (file: string): boolean => HARNESS_FILES.test(file);

export interface AssemblyScriptOptions {
  /** Folders of filters, each with sources and their tests, as patterns below vitest's root. Default: the root. */
  readonly folders?: readonly string[];
}

/**
 * For `plugins` of `vitest.config.ts`: while vitest watches, {@link compileFilter} has a compiler that stays warm and begins when a source is written, a changed source runs the
 * tests of all that is made of it, and where no other `pool` is chosen, test files run in processes that were started before. With `isolate: false` these stay for the next change.
 *
 * ```ts
 * export default defineConfig({ plugins: [assemblyScript()] });
 * ```
 */
export function assemblyScript({ folders }: AssemblyScriptOptions = {}): {
  readonly name: string;
  config(config: { readonly test?: TestUserConfig }): void;
  configureVitest(context: VitestPluginContext): Promise<void>;
} {
  let processes: SpareProcesses | undefined;
  return {
    name: "meshwright:assemblyscript",
    config({ test }) {
      if (test?.watch !== true) return;
      const pool = (processes = new SpareProcesses());
      // Vitest asks once, for the root, and what is added there does not reach the projects that it declares.
      const declared = (test.projects ?? []).map((project) => (isExtension(project) ? project.test : undefined));
      const { pool: chosen } = test;
      for (const part of [test, ...declared]) {
        if (part === undefined || (part.pool ?? chosen) !== undefined) continue;
        part.pool = pool;
        // What Node itself loads can be there before vitest says what to run. Where the harness is a package, it is loaded so anyway.
        part.server = { ...part.server, deps: { ...part.server?.deps, external: [...(part.server?.deps?.external ?? []), HARNESS_FILES] } };
      }
    },
    async configureVitest({ vitest }) {
      // Once, however many projects there are. Test files are processes, which get this environment.
      if (!vitest.config.watch || process.env[SERVICE] !== undefined) return;
      const service = await CompilerService.start();
      process.env[SERVICE] = service.path;
      vitest.onClose(async () => {
        delete process.env[SERVICE];
        await service[Symbol.asyncDispose]();
        await processes?.[Symbol.asyncDispose]();
      });
      vitest.config.watchTriggerPatterns ??= [];
      vitest.config.watchTriggerPatterns.push({
        pattern: /\.(?:m?ts|mjs|json)$/,
        // Where it concerns no source, vitest itself knows who imports it.
        testsToRun: (file) => {
          service.changed(file);
          const tests =
            isOfHarness(file) && processes !== undefined ? importers(vitest, file) : dependentTests(vitest.config.root, folders, file);
          if (isOfHarness(file)) processes?.discard();
          return tests.length === 0 ? undefined : tests.filter((test) => !isIdle(vitest, test));
        },
      });
    },
  };
}

/** Whether none of a file's tests has a name that is asked for (`-t`): to find that out again would cost a process. */
function isIdle(vitest: Vitest, file: string): boolean {
  if (vitest.getGlobalTestNamePattern() === undefined) return false;
  const modules = vitest.state.getTestModules([file]);
  return modules.length > 0 && modules.every((module) => module.state() === "skipped");
}

/** Those test files of vitest's that import a file which it has not loaded itself. */
function importers(vitest: Vitest, file: string): string[] {
  const { root } = vitest.config;
  const known: KnownImports = new Map();
  const tests = vitest.state.getTestModules().map(({ moduleId }) => moduleId);
  return tests.filter((test) => assemblySources(root, [relative(root, test)], known).includes(relative(root, file)));
}

function isExtension(project: TestProjectConfiguration): project is TestProjectInlineConfiguration {
  return typeof project === "object" && "extends" in project && project.extends === true;
}
