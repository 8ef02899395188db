import { testGoldens } from "../testing/goldens.ts";
import { service } from "./index.ts";

testGoldens(service, import.meta.dirname);
