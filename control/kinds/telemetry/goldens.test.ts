import { testGoldens } from "../testing/goldens.ts";
import { telemetry } from "./index.ts";

testGoldens(telemetry, import.meta.dirname);
