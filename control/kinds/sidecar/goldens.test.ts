import { testGoldens } from "../testing/goldens.ts";
import { sidecar } from "./index.ts";

testGoldens(sidecar, import.meta.dirname);
