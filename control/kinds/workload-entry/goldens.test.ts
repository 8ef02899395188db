import { testGoldens } from "../testing/goldens.ts";
import { workloadEntry } from "./index.ts";

testGoldens(workloadEntry, import.meta.dirname);
