import { TargetError, type ChainSpec, type RunningTarget, type Target } from "../target/index.ts";
import { binaryProvider } from "./binary.ts";
import { RunningChain } from "./chain/running-chain.ts";
import { containerProvider } from "./container/provider.ts";
import { EnvoyError } from "./errors.ts";
import type { EnvoyProvider } from "./provider.ts";
import { reusingProvider } from "./reuse.ts";

/** Chains of filters in a private Envoy of `provider`. */
export function targetOf(name: "envoy" | "container", provider: EnvoyProvider): Target {
  return {
    name,
    unavailable: () => provider.available(),
    async start(chain: ChainSpec): Promise<RunningTarget> {
      try {
        return await RunningChain.start(provider, chain);
      } catch (error) {
        if (!(error instanceof EnvoyError)) throw error;
        throw new TargetError(error.message, error.logs, { cause: error });
      }
    },
  };
}

/** An Envoy process on this machine. */
export const envoyTarget: Target = targetOf("envoy", binaryProvider);

/** As {@link envoyTarget}, in a process that may have run other chains before, of which nothing is left. */
export const reusedEnvoyTarget: Target = targetOf("envoy", reusingProvider);

/** An Envoy in a container. */
export const containerTarget: Target = targetOf("container", containerProvider);
