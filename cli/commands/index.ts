import type { Command } from "commander";
import { addBootstrap } from "./bootstrap.ts";
import { addCerts } from "./certs.ts";
import { addConfig } from "./config.ts";
import { addEnvoy } from "./envoy-run.ts";
import { addNew } from "./new-filter.ts";
import { addProxy } from "./proxy.ts";
import { addServe } from "./serve.ts";
import { addStatus } from "./status.ts";
import { addToken } from "./token.ts";
import { addTranslate } from "./translate.ts";
import { addTry } from "./try.ts";
import { addValidate } from "./validate.ts";
import { addWait } from "./wait.ts";

/** Every command, in the order of the help. */
export const commands: ReadonlyArray<(program: Command) => void> = [
  addTry,
  addServe,
  addValidate,
  addTranslate,
  addStatus,
  addConfig,
  addWait,
  addToken,
  addCerts,
  addBootstrap,
  addProxy,
  addEnvoy,
  addNew,
];
