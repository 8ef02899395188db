import { join } from "node:path";
import { Option, type Command } from "commander";
import {
  bootstrapOf,
  type BootstrapRequest,
  formatAddress,
  type MadeBootstrap,
  type NodeDescription,
} from "../../control/bootstrap/index.ts";
import { parseDuration } from "../../control/model/fields/index.ts";
import { CONTROL_AUTHORITIES, supervise } from "../../control/proxy/index.ts";
import { envoyBinary } from "../../harness/envoy/binary.ts";
import { EnvoyError } from "../../harness/envoy/errors.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { createLog, type LogFormat } from "../control/log.ts";
import { ensureEnvoy } from "../provide-envoy.ts";
import { addCaptureOptions, type CaptureOptions, captureOf } from "../proxy/capture-options.ts";
import { captureWhile, describeRun, refuseToCapture, removeLeftRules, requireRoot } from "../proxy/capture.ts";
import { probeIn, startHealth } from "../proxy/health.ts";
import { takeLeave } from "../proxy/leave.ts";
import { envoyLogFormat } from "../proxy/log.ts";
import { readModules } from "../proxy/modules.ts";
import { addIdentityOptions, type IdentityOptions, startIdentity, wantsIdentity } from "../proxy/identity-options.ts";
import { addProxyOptions, duration, type ProxyOptions, requestOf, whole } from "../proxy/options.ts";
import { RunFolder } from "../proxy/run-folder.ts";
import { watchSignals } from "../proxy/signals.ts";
import { takenPorts } from "../proxy/taken-ports.ts";

interface RunOptions extends ProxyOptions, CaptureOptions, IdentityOptions {
  readonly module?: readonly string[];
  readonly concurrency?: number;
  readonly drainTime?: number;
  readonly logLevel: string;
  readonly componentLogLevel?: string;
  readonly logFormat?: LogFormat;
  readonly dryRun?: true;
}

/** The socket of SDS in the folder of a run. */
const SOCKET = "secrets";

/** As Istio's, unless the node's ProxyConfig says otherwise: worker threads of a sidecar, and milliseconds for clients to leave. */
const SIDECAR_CONCURRENCY = 2;
const DRAIN_TIME = 5_000;
/** Milliseconds for connections of listeners that changed. */
const LISTENER_DRAIN_TIME = 45_000;

export function addProxy(program: Command): void {
  const command = program
    .command("proxy")
    .summary("run one Envoy of the mesh")
    .description(
      "Runs one Envoy with its bootstrap and this package's modules beside it, again after a crash, until SIGTERM or Ctrl-C; then clients get time to leave. A second signal ends it at once.",
    )
    .argument("[arguments...]", "more arguments for Envoy, behind --");
  addCaptureOptions(addIdentityOptions(addProxyOptions(command)))
    .option("--module <file>", "a module of your own (NAME.wasm) that is beside the proxy too; may be repeated", collect)
    .option("--concurrency <count>", "Envoy's worker threads; 0: as many as processors (default: 2 of a sidecar, 0 of a router)", whole)
    .option("--drain-time <duration>", "for clients to leave, at most (default: 5s)", duration)
    .addOption(
      new Option("--log-level <level>", "Envoy's").choices(["trace", "debug", "info", "warning", "error", "off"]).default("warning"),
    )
    .option("--component-log-level <levels>", "Envoy's, by logger: wasm:debug,upstream:info")
    .addOption(new Option("--log-format <format>", "one object a line, or text (default: text on a terminal)").choices(["json", "text"]))
    .option("--dry-run", "print Envoy's bootstrap and the rules, and end")
    .addHelpText(
      "after",
      `
Envoy is ENVOY_BIN, else an envoy of a supported version on the PATH, else the downloaded one.

Examples:
  $ meshwright proxy --proxy sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local --control 127.0.0.1:15010 \\
      --metadata '{"LABELS": {"app": "reviews", "version": "v1"}}'
  $ meshwright proxy --proxy sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local --control mesh.example:15010 \\
      --control-ca roots.pem --token-file reviews.token --identity-dir /var/lib/reviews
  $ sudo ip netns exec reviews meshwright proxy --capture --exclude-outbound-ports 5432 \\
      --proxy sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local --control 10.0.0.254:15010
  $ sudo meshwright proxy --capture --capture-user reviews --include-inbound-ports 9080 \\
      --proxy sidecar~10.0.0.1~reviews-v1.default~default.svc.cluster.local --control 127.0.0.1:15010
  $ sudo meshwright proxy --remove-capture`,
    )
    .action(runProxy);
}

async function runProxy(extra: readonly string[], options: RunOptions): Promise<void> {
  const format = options.logFormat ?? (process.stderr.isTTY ? "text" : "json");
  const log = createLog(format);
  if (options.removeCapture === true) return removeLeftRules(log);

  const asked = await requestOf(options, (problem) => log.warn({ problem }, "an object of the mesh has an error; the others count"));
  const hasIdentity = wantsIdentity(options);
  const requestIn = (folder: string): BootstrapRequest =>
    hasIdentity ? { ...asked, secrets: { path: join(folder, SOCKET), controlAuthorities: CONTROL_AUTHORITIES } } : asked;
  const request = requestIn("/run/meshwright");
  const { bootstrap, node, own } = made(request);
  const captured = captureOf(options, node.annotations, [own.statusPort, own.prometheusPort]);
  if (captured !== undefined) refuseToCapture(node);
  if (options.dryRun === true) {
    process.stdout.write(await describeRun(bootstrap, captured, options.captureTool));
    return;
  }

  if (captured !== undefined) requireRoot();
  const binary = await findBinary();
  const identity = captured === undefined ? undefined : { user: captured.proxyUser, group: captured.proxyGroup };
  // From here on there is something to clean up.
  const signals = watchSignals();
  await using folder = await RunFolder.create(identity);
  const modules = await folder.addModules(await readModules(options.module ?? []));
  const complete = made({ ...requestIn(folder.path), modules }).bootstrap;
  await folder.write("envoy.json", JSON.stringify(complete));
  const reachable = await folder.reachable(binary);

  await using held = hasIdentity ? await startIdentity(options, asked, node, join(folder.path, SOCKET), log) : undefined;
  if (hasIdentity) await folder.share(SOCKET);
  const probe = await probeIn(options, node);
  const reporter = { node: complete["node"], identity: held, log };
  await using _health = probe === undefined ? undefined : await startHealth(asked, { ...reporter, probe, admin: own.admin });
  await using resources = new AsyncDisposableStack();
  await using _capture = captured === undefined ? undefined : await captureWhile(captured, options.captureTool, log);
  const outcome = await supervise(
    {
      binary: reachable,
      parameters: [...parametersOf(options, node), ...envoyLogFormat(format), ...extra],
      folder: folder.path,
      admin: own.admin,
      control: formatAddress(request.control),
      drainTime: options.drainTime ?? time(node.proxyConfig.terminationDrainDuration) ?? DRAIN_TIME,
      listenerDrainTime: time(node.proxyConfig.drainDuration) ?? LISTENER_DRAIN_TIME,
      environment: node.proxyConfig.proxyMetadata ?? {},
      ...(identity !== undefined && { identity }),
    },
    { log, ...signals, takeLeave: (end) => takeLeave(asked, { ...reporter, resources }, end) },
  );
  if (outcome.kind === "refused") {
    const taken = await takenPorts(own);
    if (taken.length > 0) {
      const message = taken.map((option) => `${option}: another program listens there; end it, or choose another`).join("\n");
      throw new CliError(ExitCode.Environment, message);
    }
    throw new CliError(ExitCode.Input, `Envoy ended before it served (${outcome.how}); the reason stands above`);
  }
}

function made(request: BootstrapRequest): Exclude<MadeBootstrap, { readonly problems: unknown }> {
  const result = bootstrapOf(request);
  if ("problems" in result) throw new CliError(ExitCode.Input, result.problems.join("\n"));
  return result;
}

async function findBinary(): Promise<string> {
  await ensureEnvoy();
  try {
    return (await envoyBinary()).path;
  } catch (error) {
    if (!(error instanceof EnvoyError)) throw error;
    throw new CliError(ExitCode.Environment, error.message, { cause: error });
  }
}

function parametersOf({ concurrency, logLevel, componentLogLevel }: RunOptions, { type, proxyConfig }: NodeDescription): string[] {
  const { fileFlushInterval, fileFlushMinSizeKb } = proxyConfig;
  const flush = time(fileFlushInterval);
  const threads = concurrency ?? proxyConfig.concurrency ?? (type === "sidecar" ? SIDECAR_CONCURRENCY : 0);
  return [
    // Envoy takes 0 for one thread; without the option it takes as many as there are processors.
    ...(threads === 0 ? [] : ["--concurrency", String(threads)]),
    ...(flush === undefined ? [] : ["--file-flush-interval-msec", String(Math.max(1, Math.round(flush)))]),
    ...(fileFlushMinSizeKb === undefined ? [] : ["--file-flush-min-size-kb", String(fileFlushMinSizeKb)]),
    ...["--log-level", logLevel],
    ...(componentLogLevel === undefined ? [] : ["--component-log-level", componentLogLevel]),
  ];
}

/** Milliseconds. */
function time(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration(text);
}

function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}
