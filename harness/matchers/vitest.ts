import { expect } from "vitest";
import { type Matchers as OwnMatchers, matchers } from "./index.ts";

declare module "vitest" {
  // Type parameters must be those of vitest's own declaration.
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> extends OwnMatchers<R> {}
}

expect.extend(matchers);
