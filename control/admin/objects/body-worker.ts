import { parentPort, workerData } from "node:worker_threads";
import { readDocuments } from "./body-reader.ts";

parentPort?.postMessage(readDocuments(workerData as string));
