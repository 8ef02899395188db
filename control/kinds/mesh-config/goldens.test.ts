import { testGoldens } from "../testing/goldens.ts";
import { meshConfig } from "./index.ts";

testGoldens(meshConfig, import.meta.dirname);
