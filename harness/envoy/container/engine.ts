import type { ContainerRuntimeClient } from "testcontainers";
import { EnvoyError } from "../errors.ts";

let client: Promise<ContainerRuntimeClient> | undefined;

/** The container engine that testcontainers finds. Rejects with `unavailable` where none answers. */
export function engine(): Promise<ContainerRuntimeClient> {
  return (client ??= connect());
}

/** testcontainers is an optional peer dependency, loaded when a container is wanted. */
export async function loadTestcontainers(): Promise<typeof import("testcontainers")> {
  return import("testcontainers").catch((cause: unknown) => {
    throw new EnvoyError(
      "unavailable",
      "Envoy in a container needs the package testcontainers: npm install --save-dev testcontainers",
      [],
      {
        cause,
      },
    );
  });
}

async function connect(): Promise<ContainerRuntimeClient> {
  const { getContainerRuntimeClient } = await loadTestcontainers();
  return getContainerRuntimeClient().catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EnvoyError("unavailable", `no container engine answers (${reason}): start Docker, or set DOCKER_HOST`, [], { cause });
  });
}
