import { testGoldens } from "../testing/goldens.ts";
import { serviceEntry } from "./index.ts";

testGoldens(serviceEntry, import.meta.dirname);
