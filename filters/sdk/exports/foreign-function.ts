import { enter, leave } from "../contexts/callbacks";
import { roots } from "../contexts/registry";

export function proxy_on_foreign_function(rootContextId: u32, functionId: u32, argumentsSize: u32): void {
  enter();
  const root = roots.get(rootContextId);
  if (root != null) root.onForeignFunction(functionId, <i32>argumentsSize);
  leave();
}
