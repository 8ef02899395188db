import { startMesh } from "../index.ts";

// A process that starts a mesh, says what runs, and waits to be killed: ../starting.scenarios.ts.

const mesh = await startMesh({
  services: { web: { port: 8080 } },
  mtls: false,
  runtime: process.argv[2] === "container" ? "container" : "process",
});
const pids = [mesh.control.pid, mesh.workload("web").sidecar.pid];
process.stdout.write(`${JSON.stringify({ pids, folder: mesh.directory })}\n`);
setInterval(() => undefined, 60_000);
