import { checkMessage } from "../../envoy-api/reflection/index.ts";
import { testGoldens } from "../testing/goldens.ts";
import { envoyFilter } from "./index.ts";

testGoldens(envoyFilter({ check: checkMessage }), import.meta.dirname);
