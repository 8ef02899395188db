import { testGoldens } from "../testing/goldens.ts";
import { endpointSlice } from "./index.ts";

testGoldens(endpointSlice, import.meta.dirname);
