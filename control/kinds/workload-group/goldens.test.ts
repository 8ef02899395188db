import { testGoldens } from "../testing/goldens.ts";
import { workloadGroup } from "./index.ts";

testGoldens(workloadGroup, import.meta.dirname);
