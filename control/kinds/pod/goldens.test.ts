import { testGoldens } from "../testing/goldens.ts";
import { pod } from "./index.ts";

testGoldens(pod, import.meta.dirname);
