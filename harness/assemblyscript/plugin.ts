import type { Vitest, VitestPluginContext } from "vitest/node";
import { SERVICE } from "./compile.ts";
import { dependentTests } from "./dependents.ts";
import { CompilerService } from "./service.ts";

export interface AssemblyScriptOptions {
  /** Folders of filters, each with sources and their tests, as patterns below vitest's root. Default: the root. */
  readonly folders?: readonly string[];
}

/**
 * For `plugins` of `vitest.config.ts`: while vitest watches, {@link compileFilter} has a compiler that stays warm, and a changed source runs the tests of all that is made of it.
 *
 * ```ts
 * export default defineConfig({ plugins: [assemblyScript()] });
 * ```
 */
export function assemblyScript({ folders }: AssemblyScriptOptions = {}): {
  readonly name: string;
  configureVitest(context: VitestPluginContext): Promise<void>;
} {
  return {
    name: "meshwright:assemblyscript",
    async configureVitest({ vitest }) {
      // Once, however many projects there are. Test files are processes, which get this environment.
      if (!vitest.config.watch || process.env[SERVICE] !== undefined) return;
      const service = await CompilerService.start();
      process.env[SERVICE] = service.path;
      vitest.onClose(async () => {
        delete process.env[SERVICE];
        await service[Symbol.asyncDispose]();
      });
      vitest.config.watchTriggerPatterns ??= [];
      vitest.config.watchTriggerPatterns.push({
        pattern: /\.(?:ts|json)$/,
        // Where it concerns no source, vitest itself knows who imports it.
        testsToRun: (file) => {
          const tests = dependentTests(vitest.config.root, folders, file);
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
