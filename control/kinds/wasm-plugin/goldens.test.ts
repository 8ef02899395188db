import { builtinFilters, checkFilterConfiguration } from "../../filter-schemas/index.ts";
import { testGoldens } from "../testing/goldens.ts";
import { wasmPlugin } from "./index.ts";

testGoldens(wasmPlugin({ names: builtinFilters, check: checkFilterConfiguration }), import.meta.dirname);
