import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Command, Option } from "commander";
import type { AdmissionMode } from "../../control/admission/index.ts";
import type { ControlService, ControlServiceOptions } from "../../control/control-service.ts";
import type { MeshIdentity } from "../../control/identity/index.ts";
import { CliError, ExitCode } from "../cli-error.ts";
import { type Address, readAddress } from "../control/address.ts";
import { addAdminTlsOptions, type AdminTlsOptions } from "../control/admin-tls-options.ts";
import { addAuthorityOptions, adminToken, type AuthorityOptions, openAuthority } from "../control/authority-options.ts";
import { createLog, type LogFormat } from "../control/log.ts";
import { addMeshHealthOptions, meshHealthOf, type MeshHealthOptions } from "../control/mesh-health-options.ts";
import { addXdsTlsOptions, type XdsTlsOptions } from "../control/xds-tls-options.ts";
import { keepMemorySmall } from "../control/small-memory.ts";

interface ServeOptions extends AuthorityOptions, XdsTlsOptions, AdminTlsOptions, MeshHealthOptions {
  readonly config: readonly string[];
  readonly xds: string;
  readonly admin: string;
  readonly meshConfig?: string;
  readonly state?: string;
  readonly admission: AdmissionMode;
  readonly tokenFile?: string;
  readonly readTokenFile?: string;
  readonly onDemand?: boolean;
  readonly logFormat?: LogFormat;
}

export function addServe(program: Command): void {
  addMeshHealthOptions(addAdminTlsOptions(addXdsTlsOptions(addAuthorityOptions(program.command("serve")))))
    .summary("run the control service")
    .description(
      "Reads the YAML of Istio and Kubernetes in directories, watches it, and gives every Envoy that connects its configuration over xDS.",
    )
    .requiredOption("-c, --config <dir...>", "directories or files with the objects of the mesh")
    .option("--xds <host:port>", "where Envoys connect", "127.0.0.1:15010")
    .option("--admin <host:port>", "the administration interface", "127.0.0.1:15014")
    .option("--mesh-config <file>", "Istio's MeshConfig, a document of its own; a ConfigMap istio among the objects says the same")
    .option("--state <dir>", "where the last accepted objects are kept, to be served after a restart where the files are broken")
    .addOption(
      new Option(
        "--admission <mode>",
        "what becomes of a change that brings a new error: strict takes it whole or not at all, warn as far as it is good",
      )
        .choices(["strict", "warn"])
        .default("warn"),
    )
    .option(
      "--token-file <file>",
      "file with the bearer token that the administration interface wants; off loopback this, or --admin-write-identity or --admin-read-identity",
    )
    .option("--read-token-file <file>", "file with a second bearer token, which opens what changes nothing")
    .option("--on-demand", "give proxies routes and clusters when a request wants them, where their metadata does not say")
    .addOption(new Option("--log-format <format>", "default: text on a terminal, else json").choices(["text", "json"]))
    .addHelpText(
      "after",
      `
The service runs in the foreground; Ctrl-C ends it. Envoys go on with what they have.

Examples:
  $ meshwright serve --config mesh/
  $ meshwright serve --config mesh/ --config more/ --xds 127.0.0.1:15010 --admin 127.0.0.1:15014`,
    )
    .action(serve);
}

async function serve({
  config,
  meshConfig,
  state: stateDirectory,
  admission,
  xds,
  admin,
  tokenFile,
  readTokenFile,
  onDemand = false,
  logFormat,
  ...authority
}: ServeOptions): Promise<void> {
  keepMemorySmall();
  const log = createLog(logFormat ?? (process.stderr.isTTY ? "text" : "json"));
  const addresses = { xds: readAddress("--xds", xds), admin: readAddress("--admin", admin) };
  const tokens = tokenFile === undefined ? [] : [await readToken("--token-file", tokenFile)];
  const readTokens = readTokenFile === undefined ? [] : [await readToken("--read-token-file", readTokenFile)];
  const {
    ApiObjects,
    ApiSource,
    AdmissionError,
    ControlService,
    healthReports,
    LimitedLines,
    loadReportingService,
    meshSources,
    State,
    XdsListener,
    AdminListener,
    isLoopback,
  } = await load();
  const plaintext = isLoopback(addresses.xds.host);
  if (!plaintext && stateDirectory === undefined && authority.ca === undefined && authority.xdsCert === undefined)
    throw new CliError(
      ExitCode.Usage,
      `--xds ${xds} is open to others, and xDS off loopback wants TLS: give the mesh an authority with --state DIR or --ca DIR, or certificates with --xds-cert, --xds-key and --xds-client-ca`,
    );
  const { adminWriteIdentity = [], adminReadIdentity = [] } = authority;
  const named = adminWriteIdentity.length + adminReadIdentity.length > 0;
  const loopback = isLoopback(addresses.admin.host);
  if (!loopback && tokens.length === 0 && !named)
    throw new CliError(
      ExitCode.Usage,
      `--admin ${admin} is open to others; give it a bearer token with --token-file, or name holders of certificates with --admin-write-identity or --admin-read-identity`,
    );
  const objects = new ApiSource(stateDirectory === undefined ? undefined : new ApiObjects(stateDirectory));
  const sources = [...(await meshSources(config, meshConfig)), objects];
  const state =
    stateDirectory === undefined
      ? {}
      : {
          state: new State(stateDirectory, {
            warn: (message) => log.warn({ directory: stateDirectory }, message),
            info: (message) => log.info({ directory: stateDirectory }, message),
          }),
          moduleFolder: join(stateDirectory, "modules"),
        };
  // Whom it lets in depends on what it knows: the trust domain is in an object of the mesh.
  const authorize: ControlServiceOptions["authorize"] = async (proxy, client) => tls?.authorizer.authorize(proxy, client) ?? {};
  const options = { sources, log, onDemand, admission, authorize, ...meshHealthOf(authority), ...state };
  const started = ControlService.start(options);
  await using service: ControlService = await started.catch((error: unknown) => {
    throw error instanceof AdmissionError ? new CliError(ExitCode.Input, error.message, { cause: error }) : error;
  });
  using identity = await openAuthority(authority, stateDirectory, service, log);
  const certificates = identity === undefined ? [] : [await certificateService(identity)];
  using tls = await xdsTls(authority, identity, service, log);
  using admins = await adminTls(authority, loopback, identity, service, log);
  const ownToken = tokens.length > 0 ? undefined : adminToken(authority, stateDirectory);
  const failures = new LimitedLines((...line) => log.info(...line), "more connections of xDS came to nothing");
  await using xdsListener = await listening("--xds", addresses.xds, () =>
    XdsListener.start(service.xds, {
      ...addresses.xds,
      services: [...certificates, loadReportingService(service)],
      http: healthReports(service, log),
      plaintext,
      ...(tls !== undefined && { certificate: tls.certificate, visibleTo: (credentials) => tls.authorizer.visibleTo(credentials) }),
      onFailure: ({ peer, reason }) => failures.add({ peer, reason }, "a connection of xDS came to nothing"),
    }),
  );
  await using adminListener = await listening("--admin", addresses.admin, () =>
    AdminListener.start(service, {
      ...addresses.admin,
      tokens: ownToken === undefined ? tokens : [ownToken.token],
      readTokens,
      openReads: tokens.length + readTokens.length === 0 && !named,
      certificate: admins.certificate,
      certificates: admins.certificates,
      identity,
      objects,
    }),
  );
  log.info(
    {
      xds: `${xdsListener.host}:${xdsListener.port}`,
      admin: `${admins.certificate === undefined ? "http" : "https"}://${adminListener.host}:${adminListener.port}`,
      tokenFile: ownToken?.file,
    },
    "control service is ready",
  );
  const signal = await ended();
  log.info({ signal }, "control service ends");
}

/**
 * Loaded when it is wanted: the rest of the command line does without Envoy's API and gRPC.
 */
async function load() {
  const [
    service,
    health,
    loads,
    lines,
    { meshSources },
    { State },
    { XdsListener },
    admin,
    { AdmissionError },
    { ApiSource },
    { ApiObjects },
  ] = await Promise.all([
    import("../../control/control-service.ts"),
    import("../../control/health-reports.ts"),
    import("../../control/load-reports.ts"),
    import("../../control/limited-lines.ts"),
    import("../control/mesh-sources.ts"),
    import("../../control/state/index.ts"),
    import("../../control/xds/transport/index.ts"),
    import("../../control/admin/index.ts"),
    import("../../control/admission/index.ts"),
    import("../../control/sources/api/index.ts"),
    import("../../control/state/api-objects.ts"),
  ]);
  return { ...service, ...health, ...loads, ...lines, meshSources, State, XdsListener, ...admin, AdmissionError, ApiSource, ApiObjects };
}

async function xdsTls(...parameters: Parameters<typeof import("../control/xds-tls.ts").xdsTls>) {
  const loaded = await import("../control/xds-tls.ts");
  return loaded.xdsTls(...parameters);
}

async function adminTls(...parameters: Parameters<typeof import("../control/admin-tls.ts").adminTls>) {
  const loaded = await import("../control/admin-tls.ts");
  return loaded.adminTls(...parameters);
}

async function certificateService(identity: MeshIdentity) {
  const { istioCertificateService } = await import("../../control/identity/index.ts");
  return istioCertificateService(identity.certificates);
}

async function listening<T>(option: string, { host, port }: Address, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    throw new CliError(
      ExitCode.Environment,
      `${option} ${host}:${port}: ${(error as Error).message}; is another control service running?`,
      { cause: error },
    );
  }
}

async function readToken(option: string, file: string): Promise<string> {
  const token = await readFile(file, "utf8").then(
    (text) => text.trim(),
    (error: Error) => {
      throw new CliError(ExitCode.Input, `${option} ${file}: ${error.message}`, { cause: error });
    },
  );
  if (!/^\S{16,}$/.test(token)) throw new CliError(ExitCode.Input, `${option} ${file}: a token is one word of at least 16 characters`);
  return token;
}

/** The signal that ends the process. A second one ends it at once. */
async function ended(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, resolve);
  return promise;
}
