import { testGoldens } from "../testing/goldens.ts";
import { gateway } from "./index.ts";

testGoldens(gateway, import.meta.dirname);
