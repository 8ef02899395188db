import { testGoldens } from "../testing/goldens.ts";
import { endpoints } from "./index.ts";

testGoldens(endpoints, import.meta.dirname);
