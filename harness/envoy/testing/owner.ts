import { binaryProvider, containerProvider } from "../index.ts";
import { answering } from "./answering.ts";

// A process that starts an Envoy, says where, and waits to be killed: ../provider.test.ts.

const provider = process.argv[2] === "container" ? containerProvider : binaryProvider;
const envoy = await provider.start(answering("hello"));
const { host, port } = envoy.address("main");
process.stdout.write(`${JSON.stringify({ host, port, pid: envoy.pid })}\n`);
setInterval(() => undefined, 60_000);
