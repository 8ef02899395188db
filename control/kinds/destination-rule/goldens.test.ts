import { testGoldens } from "../testing/goldens.ts";
import { destinationRule } from "./index.ts";

testGoldens(destinationRule, import.meta.dirname);
