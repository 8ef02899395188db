import { testGoldens } from "../testing/goldens.ts";
import { authorizationPolicy } from "./index.ts";

testGoldens(authorizationPolicy, import.meta.dirname);
