import { parentPort, workerData } from "node:worker_threads";
import { readDocuments } from "./objects-body-reader.ts";

parentPort?.postMessage(readDocuments(workerData as string));
