import { spawn } from "node:child_process";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { connect, isIPv6 } from "node:net";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import type { Probe } from "../../kinds/workload-group/index.ts";

const HERE = "127.0.0.1";

/** Looks once whether a workload is healthy, as Kubernetes' probes do. @throws Error that says what is wrong, also where the signal ends it */
export async function runProbe({ httpGet, tcpSocket, exec, grpc }: Probe, signal: AbortSignal): Promise<void> {
  if (httpGet !== undefined) await askHttp(httpGet, signal);
  else if (tcpSocket !== undefined) await connectTcp(tcpSocket.host ?? HERE, tcpSocket.port, signal);
  else if (exec !== undefined) await execute(exec.command, signal);
  else if (grpc !== undefined) await askGrpc(grpc, signal);
}

/** From 200 to 399 is good; redirects are not followed, and any certificate will do. */
function askHttp({ path, port, host = HERE, scheme, httpHeaders }: NonNullable<Probe["httpGet"]>, signal: AbortSignal): Promise<void> {
  const headers: Record<string, string | string[]> = { "user-agent": "meshwright-probe", connection: "close" };
  for (const { name, value } of httpHeaders) {
    const key = name.toLowerCase();
    const before = headers[key];
    headers[key] = before === undefined || key === "host" || key === "user-agent" ? value : [before, value].flat();
  }
  const options = { host, port, path: path.startsWith("/") ? path : `/${path}`, headers, signal, agent: false as const };
  return new Promise((resolve, reject) => {
    const sent = scheme === "HTTPS" ? requestHttps({ ...options, rejectUnauthorized: false }) : requestHttp(options);
    sent.once("error", reject);
    sent.once("response", (response) => {
      const { statusCode = 0 } = response;
      response.destroy();
      if (statusCode >= 200 && statusCode < 400) resolve();
      else reject(new Error(`the answer has the status ${statusCode}`));
    });
    sent.end();
  });
}

function connectTcp(host: string, port: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const end = (error?: Error) => {
      signal.removeEventListener("abort", aborted);
      socket.destroy();
      if (error === undefined) resolve();
      else reject(error);
    };
    const aborted = () => end(new Error("no connection in time"));
    signal.addEventListener("abort", aborted, { once: true });
    socket.once("connect", () => end());
    socket.once("error", end);
  });
}

/** What it prints is nobody's. */
function execute([program = "", ...parameters]: readonly string[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, { stdio: "ignore", signal, killSignal: "SIGKILL" });
    child.once("error", reject);
    child.once("exit", (code, by) => {
      if (code === 0) resolve();
      else reject(new Error(`${program} ended ${code === null ? `by ${String(by)}` : `with ${code}`}`));
    });
  });
}

const CHECK = "/grpc.health.v1.Health/Check";
const SERVING = 1;

/** `HealthCheckRequest` has one text, `HealthCheckResponse` one enumerator, both in field 1. */
function askGrpc({ port, service }: NonNullable<Probe["grpc"]>, signal: AbortSignal): Promise<void> {
  const client = new Client(`${isIPv6(HERE) ? `[${HERE}]` : HERE}:${port}`, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_retries": 0,
  });
  const name = Buffer.from(service);
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  return new Promise<void>((resolve, reject) => {
    const call = client.makeUnaryRequest(
      CHECK,
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => (bytes[0] === 0x08 ? (bytes[1] ?? 0) : 0),
      message,
      (error: ServiceError | null, status?: number) => {
        if (error !== null) reject(new Error(error.details));
        else if (status === SERVING) resolve();
        else reject(new Error("it is not SERVING"));
      },
    );
    signal.addEventListener("abort", () => call.cancel(), { once: true });
  }).finally(() => client.close());
}
